/** Bounds of the wire contract. Both sides must agree on the windows and sizes only in that neither exceeds its own. */

/** Items that may be on their way in one direction of one stream before the receiver grants more. */
export const WINDOW_FRAMES = 64;

/** Bytes of one piece of a byte stream or channel, before base64. */
export const CHUNK_BYTES = 32 * 1024;

/** Largest envelope: a request body of 3 MiB (Kubernetes' bound) in base64, and room for the rest. */
export const MAX_ENVELOPE_BYTES = 5 * 1024 * 1024;

/** A larger answer is sent as a stream of pieces, so that it does not hold up what follows it. */
export const MAX_PLAIN_ANSWER_BYTES = 256 * 1024;

/** Largest answer that a client puts together from pieces. */
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

/** A call that has no answer by then fails; a stream must have begun by then. */
export const CALL_TIMEOUT_MS = 30_000;

/** How often the reader of a stream asks whether the other side still has it. */
export const PROBE_INTERVAL_MS = 20_000;

/** A stream whose other side said nothing for this long is over: three probes lost. */
export const SILENCE_LIMIT_MS = 70_000;

/** Requests of one client that may be under way, streams included. */
export const MAX_CALLS_PER_CLIENT = 640;

/**
 * Streams of one client that may be open: a node watches each ConfigMap and Secret that its pods name. An open watch costs
 * a master some 8 KB.
 */
export const MAX_STREAMS_PER_CLIENT = 512;

/** Request ids of one client that are remembered to recognise a repeated request. */
export const RECENT_IDS_PER_CLIENT = 512;

/** Longest request id, in characters. */
export const MAX_ID_CHARS = 128;
