/** Records of the cluster's zone, in the words of the packet coder. */
import type { SoaAnswer, SrvAnswer, StringAnswer, TxtAnswer } from 'dns-packet';

/** Names are in lower case and have no final dot. */
export type ZoneRecord = StringAnswer | SrvAnswer | TxtAnswer | SoaAnswer;

/** Endpoints come and go: nobody shall remember them for long. */
export const RECORD_TTL_SECONDS = 5;
