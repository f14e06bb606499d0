/** Posts JSON to an address (adapter: network). Rejects unless the answer is 2xx. */
export type AddressPoster = (url: string, body: string, signal: AbortSignal) => Promise<void>;

export const postJson: AddressPoster = async (url, body, signal) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'bramble' },
    body,
    signal,
    redirect: 'error',
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`answered ${response.status}`);
};
