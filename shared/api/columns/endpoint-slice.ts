/** Cells of an EndpointSlice: a few ports and addresses, and how many more there are. */

const MAX_SHOWN = 3;

/** `80,443 + 2 more...`; `<unset>` for a slice without ports. */
export function endpointPortsText(ports: readonly { name?: string; port?: number }[] = []): string {
  return shortened(ports.map(({ name, port }) => (port === undefined ? name || '*' : String(port))));
}

export function endpointAddressesText(endpoints: readonly { addresses: readonly string[] }[]): string {
  return shortened(endpoints.flatMap(({ addresses }) => addresses));
}

function shortened(texts: readonly string[]): string {
  if (texts.length === 0) return '<unset>';
  const more = texts.length - MAX_SHOWN;
  return `${texts.slice(0, MAX_SHOWN).join(',')}${more > 0 ? ` + ${more} more...` : ''}`;
}
