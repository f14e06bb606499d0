/**
 * Why a container could not be made or started, as far as it is the image's fault. The engine and runc tell it in sentences only,
 * which end in the kernel's words for an error number (strerror); this is the one place that reads them. Pure.
 */

export type StartTrouble =
  /** ENOEXEC: for another platform, no executable at all, or bytes that were lost. */
  | 'exec-format'
  /** The engine's own files of the image are not as they were. */
  | 'image-damaged';

const EXEC_FORMAT = /exec format error/i;

/** A layer that is missing or unreadable; EUCLEAN, EIO; a mount over what is not there. */
const DAMAGED =
  /unknown layer|layer does not exist|failed to register layer|structure needs cleaning|input\/output error|(creating|mount) overlay|overlay2\/\S*: no such file/i;

/** undefined: it is something else. */
export function classifyStartTrouble(message: string): StartTrouble | undefined {
  if (EXEC_FORMAT.test(message)) return 'exec-format';
  return DAMAGED.test(message) ? 'image-damaged' : undefined;
}
