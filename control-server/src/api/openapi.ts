import {
  type ApiEndpoint,
  auditEventSchema,
  circuitSchema,
  conflictSchema,
  eventExplanationSchema,
  explanationSchema,
  newTokenSchema,
  overviewSchema,
  pairSchema,
  portalSchema,
  problemSchema,
  relaySchema,
  sessionCookie,
  streamSchema,
  tokenSchema,
  trafficSchema,
  tunnelSchema,
} from '@netport/protocol';
import { z } from 'zod';
import { version } from '../version.js';
import { allEndpoints } from './endpoint-names.js';

type Json = Record<string, unknown>;

/** The schemas that get a name of their own in the document. */
const components = z.registry<{ id: string }>();
components.add(portalSchema, { id: 'Portal' });
components.add(relaySchema, { id: 'Relay' });
components.add(tokenSchema, { id: 'JoinToken' });
components.add(newTokenSchema, { id: 'NewJoinToken' });
components.add(pairSchema, { id: 'AccessPair' });
components.add(circuitSchema, { id: 'Circuit' });
components.add(tunnelSchema, { id: 'Tunnel' });
components.add(streamSchema, { id: 'Stream' });
components.add(conflictSchema, { id: 'Conflict' });
components.add(overviewSchema, { id: 'Overview' });
components.add(trafficSchema, { id: 'Traffic' });
components.add(auditEventSchema, { id: 'AuditEvent' });
components.add(explanationSchema, { id: 'Explanation' });
components.add(eventExplanationSchema, { id: 'EventExplanation' });
components.add(problemSchema, { id: 'Problem' });

/** The admin API as OpenAPI 3.1, made from the endpoints and their zod schemas: it cannot differ from what is served. */
export function openApi(): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const { name, endpoint } of allEndpoints) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [endpoint.method]: operation(name, endpoint, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Netport admin API', version },
    servers: [{ url: '/api/v1' }],
    security: [{ adminToken: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        adminToken: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: sessionCookie },
      },
      schemas,
    },
  };
}

const eTag = { description: 'The revision, in quotes', schema: { type: 'string' } };
const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'The ETag of the answer that was read: if it was changed since, the answer is 409 `conflict`',
  schema: { type: 'string' },
};

function operation(operationId: string, endpoint: ApiEndpoint, schemas: Json): Json {
  const { method, summary, query, body, answer, status = 200, contentType = 'application/json' } = endpoint;
  const { access, revisioned } = endpoint;
  const inPath = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const parameters = [
    ...inPath,
    ...(query ? queryParameters(query, schemas) : []),
    ...(revisioned && method === 'patch' ? [ifMatch] : []),
  ];
  return {
    operationId,
    summary,
    ...(access === 'anyone' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { content: { 'application/json': { schema: jsonSchema(body, 'input', schemas) } } },
    }),
    responses: {
      [status]: {
        description: 'Done',
        ...(revisioned && { headers: { ETag: eTag } }),
        ...(status !== 303 && { content: { [contentType]: { schema: jsonSchema(answer, 'output', schemas) } } }),
      },
      default: {
        description: 'Refused: RFC 9457 problem details',
        content: { 'application/problem+json': { schema: jsonSchema(problemSchema, 'output', schemas) } },
      },
    },
  };
}

function queryParameters(query: z.ZodType, schemas: Json): Json[] {
  const { properties = {} } = jsonSchema(query, 'output', schemas) as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

/** JSON Schema 2020-12, with the named schemas moved to the document's components. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const generated = z.toJSONSchema(schema, {
    io,
    metadata: components,
    unrepresentable: 'any',
    // An answer may gain fields: a client that refuses unknown ones would break.
    override: ({ jsonSchema }) => void (io === 'output' && delete jsonSchema.additionalProperties),
  });
  const text = JSON.stringify(generated).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $schema: _dialect, $defs = {}, ...own } = JSON.parse(text) as { $schema?: string; $defs?: Json } & Json;
  Object.assign(schemas, $defs);
  const { id } = components.get(schema) ?? {};
  if (id === undefined) return own;
  schemas[id] = own;
  return { $ref: `#/components/schemas/${id}` };
}
