import type { ComponentChildren } from 'preact';

/** Something to be read now. A bad one is read out at once. */
export const Note = ({ tone = '', children }: { tone?: '' | 'bad' | 'warn'; children: ComponentChildren }) => (
  <div class={`note ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
    {children}
  </div>
);

/** What stands where nothing is yet: why, and what to do next. */
export const Empty = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <div class="empty">
    <h3>{title}</h3>
    {children}
  </div>
);
