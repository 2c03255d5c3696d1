import { overview } from '../state/live.js';

const suggested = 20;

/** Suggestions for inputs with `list="portal-names"`: no more than one reads. */
export function PortalNames({ search }: { search: string }) {
  const names = (overview.value?.portals ?? []).map(({ name }) => name).filter((name) => name.includes(search));
  return (
    <datalist id="portal-names">
      {names.slice(0, suggested).map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}
