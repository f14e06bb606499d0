/** What a person is asked about a card, and what not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askForSettings } from '../../../cli/commands/flash-questions.ts';
import type { RawSettings } from '../../../firmware-scripts/flash/settings.ts';

const NAMED: RawSettings = { role: 'agent', hostname: 'shed', token: 'bramble:…' };

/** Answers by a word of the question; an answer of undefined is an empty line. */
async function ask(raw: RawSettings, answers: Readonly<Record<string, string | undefined>>) {
  const asked: string[] = [];
  const settings = await askForSettings(raw, async (text, options) => {
    const word = Object.keys(answers).find((each) => text.includes(each)) ?? `unexpected: ${text}`;
    asked.push(options?.isSecret ? `${word} (hidden)` : word);
    return answers[word];
  });
  return { asked, settings };
}

const ROWS: readonly [
  name: string,
  raw: RawSettings,
  answers: Record<string, string | undefined>,
  asked: string[],
  settings: RawSettings,
][] = [
  ['who has named everything is asked nothing', NAMED, {}, [], {}],
  [
    'a board by cable',
    {},
    { 'master, or': undefined, 'Name of': 'shed', 'Join token': 't', 'Wi-Fi network': undefined },
    ['master, or', 'Name of', 'Join token', 'Wi-Fi network'],
    { role: 'agent', hostname: 'shed', token: 't' },
  ],
  [
    'a master with Wi-Fi: no token, and a password that is not shown',
    { role: 'master' },
    { 'Name of': 'pi', 'Wi-Fi network': 'home', 'Country of': 'de', 'Password of home': 'geheim123' },
    ['Name of', 'Wi-Fi network', 'Country of', 'Password of home (hidden)'],
    { role: 'master', hostname: 'pi', wifiSsid: 'home', wifiPassword: 'geheim123', wifiCountry: 'DE' },
  ],
  [
    'a network that was named alone is asked for what goes with it',
    { ...NAMED, wifiSsid: 'home' },
    { 'Country of': 'DE', 'Password of home': undefined },
    ['Country of', 'Password of home (hidden)'],
    { wifiSsid: 'home', wifiCountry: 'DE' },
  ],
  [
    'a network with its country and without a password is open',
    { ...NAMED, wifiSsid: 'cafe', wifiCountry: 'FR' },
    {},
    [],
    { wifiSsid: 'cafe', wifiCountry: 'FR' },
  ],
];

for (const [name, raw, answers, asked, settings] of ROWS) {
  test(`flash: ${name}`, async () => {
    const result = await ask(raw, answers);
    assert.deepEqual(result.asked, asked);
    assert.deepEqual(JSON.parse(JSON.stringify(result.settings)), { ...raw, ...settings });
  });
}
