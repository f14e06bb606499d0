/** Posts JSON to an address (adapter: network). Rejects unless the answer is 2xx. */
export interface Message {
  /** The same whenever the same thing is told again. */
  id: string;
  body: string;
}

export type AddressPoster = (url: string, message: Message, signal: AbortSignal) => Promise<void>;

export const postJson: AddressPoster = async (url, { id, body }, signal) => {
  const { href, authorization } = splitCredentials(new URL(url));
  const response = await fetch(href, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'bramble',
      'idempotency-key': id,
      ...(authorization === undefined ? {} : { authorization }),
    },
    body,
    signal,
    redirect: 'error',
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`answered ${response.status}`);
};

/** fetch takes no addresses with a user in them. */
function splitCredentials(url: URL): { href: string; authorization: string | undefined } {
  const { username, password } = url;
  if (username === '' && password === '') return { href: url.href, authorization: undefined };
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  url.username = '';
  url.password = '';
  return { href: url.href, authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}
