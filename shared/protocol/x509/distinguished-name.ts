/** Subjects and issuers as Kubernetes uses them: one common name (the user) and any number of organizations (its groups). */
import { DerError, decodeAll, decodeOid, oid, sequence, set, TAG, utf8String } from './der.ts';

export interface DistinguishedName {
  commonName: string;
  organizations: readonly string[];
}

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';

export function encodeName({ commonName, organizations }: DistinguishedName): Buffer {
  const attribute = (type: string, value: string): Buffer => set(sequence(oid(type), utf8String(value)));
  return sequence(
    ...organizations.map((organization) => attribute(ORGANIZATION, organization)),
    ...(commonName === '' ? [] : [attribute(COMMON_NAME, commonName)]),
  );
}

/** Throws DerError when there is anything but organizations and one common name: nothing is silently left out. */
export function decodeName(contents: Uint8Array): DistinguishedName {
  const commonNames: string[] = [];
  const organizations: string[] = [];
  for (const relativeName of decodeAll(contents)) {
    for (const attribute of decodeAll(relativeName.contents)) {
      const [type, value] = decodeAll(attribute.contents);
      if (type?.tag !== TAG.oid || value === undefined) throw new DerError('a name has an unreadable attribute');
      targetOf(decodeOid(type.contents), { commonNames, organizations }).push(decodeText(value));
    }
  }
  const [commonName, ...others] = commonNames;
  if (commonName === undefined || others.length > 0) throw new DerError('a subject must have one common name');
  return { commonName, organizations };
}

function targetOf(type: string, lists: { commonNames: string[]; organizations: string[] }): string[] {
  if (type === COMMON_NAME) return lists.commonNames;
  if (type === ORGANIZATION) return lists.organizations;
  throw new DerError('a subject may have a common name and organizations only');
}

function decodeText({ tag, contents }: { tag: number; contents: Buffer }): string {
  if (tag !== TAG.utf8String && tag !== TAG.printableString) throw new DerError('a name is not UTF-8 text');
  return new TextDecoder('utf-8', { fatal: false }).decode(contents);
}
