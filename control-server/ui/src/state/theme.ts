import { effect, signal } from '@preact/signals';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'netport-theme';
const kept = localStorage.getItem(key);

export const theme = signal<Theme>(themes.find((name) => name === kept) ?? 'auto');

/** Puts the chosen theme onto the document and keeps it for the next visit. */
export function applyTheme(): void {
  effect(() => {
    localStorage.setItem(key, theme.value);
    if (theme.value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}
