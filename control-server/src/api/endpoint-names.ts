import { type ApiEndpoint, endpoints } from '@netport/protocol';

/** Every endpoint of the admin API with its name, as `pair.add`: what the OpenAPI document and the table of roles call it. */
export const allEndpoints: readonly { name: string; endpoint: ApiEndpoint }[] = Object.entries(endpoints).flatMap(
  ([resource, entry]): { name: string; endpoint: ApiEndpoint }[] =>
    'method' in entry
      ? [{ name: resource, endpoint: entry }]
      : Object.entries(entry).map(([action, endpoint]) => ({ name: `${resource}.${action}`, endpoint })),
);

const names = new Map(allEndpoints.map(({ name, endpoint }) => [endpoint, name]));

/** What is not in the list has no name, and so no rule that would let anybody use it. */
export const endpointName = (endpoint: ApiEndpoint): string => names.get(endpoint) ?? '';

/** The one endpoint that the list lacks, because it does not answer JSON. */
export const auditExportName = 'audit.export';
