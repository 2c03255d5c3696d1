import type { ComponentChildren } from 'preact';
import { formatRoute } from '../model/route.js';

type To = Parameters<typeof formatRoute>[0];

export const Link = ({ to, class: style, children }: { to: To; class?: string; children: ComponentChildren }) => (
  <a href={formatRoute(to)} class={style}>
    {children}
  </a>
);
