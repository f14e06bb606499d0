/** Records as lines of a zone file, for golden files and tables. */
import type { Answer } from 'dns-packet';

export function renderZone(records: readonly Answer[]): string[] {
  return records.map((record) => {
    if (record.type === 'OPT') return '; OPT';
    return `${record.name}. ${record.ttl} IN ${record.type} ${renderData(record)}`;
  });
}

function renderData(record: Exclude<Answer, { type: 'OPT' }>): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.data;
    case 'CNAME':
    case 'PTR':
    case 'NS':
      return `${record.data}.`;
    case 'SRV':
      return `${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}.`;
    case 'TXT':
      return `"${[record.data].flat().map(String).join('')}"`;
    case 'SOA':
      return `${record.data.mname}. ${record.data.rname}. ${record.data.minimum}`;
    default:
      return JSON.stringify(record.data);
  }
}
