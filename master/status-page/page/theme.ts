/** Dark or light: as the device says, or as somebody has chosen here. */
import { byId, setText } from './dom.ts';

const KEY = 'bramble-theme';
const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const WORDS: Record<Theme, string> = { auto: 'Theme: as the device', light: 'Theme: light', dark: 'Theme: dark' };
const SIGNS: Record<Theme, string> = { auto: '◐', light: '○', dark: '●' };

export function listenToTheme(onChange: () => void): void {
  const button = byId('theme');
  const show = (theme: Theme): void => {
    if (theme === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    setText(button, SIGNS[theme]);
    button.setAttribute('aria-label', WORDS[theme]);
    button.title = WORDS[theme];
  };
  show(chosen());
  button.addEventListener('click', () => {
    const next = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length] ?? 'auto';
    localStorage.setItem(KEY, next);
    show(next);
    onChange();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
}

function chosen(): Theme {
  return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? 'auto';
}
