/** Whether amounts lie within the bounds of a LimitRange. Pure; complaints in Kubernetes' words. */
import type { LimitRangeItem } from '../../../shared/api/limit-range.ts';
import { parseQuantity } from '../../../shared/machinery/quantity.ts';

type Quantities = Readonly<Record<string, string>>;

export interface Amounts {
  requests?: Quantities;
  limits?: Quantities;
}

export function boundsComplaints(item: LimitRangeItem, amounts: Amounts = {}): string[] {
  const check = (bounds: Quantities = {}, complain: Complain): string[] =>
    Object.entries(bounds).flatMap(([name, bound]) =>
      complain(item.type, name, { bound, ...amountsOf(amounts, name) }),
    );
  return [
    ...check(item.min, minComplaint),
    ...check(item.max, maxComplaint),
    ...check(item.maxLimitRequestRatio, ratioComplaint),
  ];
}

interface Question {
  bound: string;
  request: string | undefined;
  limit: string | undefined;
}

type Complain = (type: string, name: string, question: Question) => string[];

function amountsOf({ requests = {}, limits = {} }: Amounts, name: string): Pick<Question, 'request' | 'limit'> {
  return {
    request: Object.hasOwn(requests, name) ? requests[name] : undefined,
    limit: Object.hasOwn(limits, name) ? limits[name] : undefined,
  };
}

function minComplaint(type: string, name: string, { bound, request, limit }: Question): string[] {
  const sentence = `minimum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return [`${sentence}.  No request is specified`];
  if (isLess(request, bound)) return [`${sentence}, but request is ${request}`];
  return limit !== undefined && isLess(limit, bound) ? [`${sentence}, but limit is ${limit}`] : [];
}

/** A claim has no limits: its request is what it takes. */
function maxComplaint(type: string, name: string, { bound, request, limit }: Question): string[] {
  const sentence = `maximum ${name} usage per ${type} is ${bound}`;
  const isClaim = type === 'PersistentVolumeClaim';
  if (limit === undefined && !isClaim) return [`${sentence}.  No limit is specified`];
  if (limit !== undefined && isLess(bound, limit)) return [`${sentence}, but limit is ${limit}`];
  return request !== undefined && isLess(bound, request) ? [`${sentence}, but request is ${request}`] : [];
}

function ratioComplaint(type: string, name: string, { bound, request, limit }: Question): string[] {
  const sentence = `${name} max limit to request ratio per ${type} is ${bound}`;
  if (request === undefined || nanos(request) === 0n) {
    return [`${sentence}, but no request is specified or request is 0.`];
  }
  if (limit === undefined || nanos(limit) === 0n) return [`${sentence}, but no limit is specified or limit is 0.`];
  // limit / request > bound, without a division.
  const isTooMuch = nanos(limit) * 1_000_000_000n > nanos(bound) * nanos(request);
  const ratio = Number(nanos(limit)) / Number(nanos(request));
  return isTooMuch ? [`${sentence}, but provided ratio is ${ratio.toFixed(6)}`] : [];
}

function isLess(a: string, b: string): boolean {
  return nanos(a) < nanos(b);
}

function nanos(amount: string): bigint {
  return parseQuantity(amount).nanos;
}
