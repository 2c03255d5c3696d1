import { formatCount, formatRate } from '../model/format.js';
import { SearchField } from '../parts/field.js';
import { Link } from '../parts/link.js';
import { Empty } from '../parts/note.js';
import { Card, Page } from '../parts/page.js';
import { Plot } from '../parts/plot.js';
import { Picture } from '../picture/picture.js';
import { history, overview, rates, traffic } from '../state/live.js';
import { filterBy, route } from '../state/location.js';
import { may } from '../state/session.js';
import { StreamTable, TunnelTable } from './traffic-tables.js';

const busiest = 8;

export function OverviewPage() {
  const known = overview.value;
  const search = route.value.query.q ?? '';
  const nothing = known?.portals.length === 0;
  return (
    <Page title="Overview">
      <Tiles />
      <section class="card">
        <div class="card-head">
          <h2>The overlay now</h2>
          <SearchField label="Find a portal" value={search} onValue={(q) => filterBy({ q })} />
        </div>
        {nothing ? (
          <Empty title="No portal yet">
            <p>
              A portal runs on each device, or on the gateway of its network. Add two, then grant an access pair between
              them. Traffic needs a relay, too.
            </p>
            <div class="row">
              {may('portal.add') && (
                <Link to={{ page: 'portals', query: { add: '1' } }} class="button first">
                  Add a portal
                </Link>
              )}
              {may('relay.add') && (
                <Link to={{ page: 'relays', query: { add: '1' } }} class="button">
                  Add a relay
                </Link>
              )}
            </div>
          </Empty>
        ) : (
          <Picture search={search} />
        )}
      </section>
      <Card title="Throughput" tools={<Legend />}>
        <Plot />
      </Card>
      <div class="columns">
        <Card title="Busiest tunnels" tools={<Link to={{ page: 'traffic' }}>All traffic</Link>}>
          <TunnelTable most={busiest} brief />
        </Card>
        <Card title="Busiest streams" tools={<Link to={{ page: 'traffic' }}>All traffic</Link>}>
          <StreamTable most={busiest} brief />
        </Card>
      </div>
    </Page>
  );
}

function Tiles() {
  const { portals = [], relays = [], pairs = { total: 0, active: 0 } } = overview.value ?? {};
  const online = (members: readonly { online: boolean }[]) => formatCount(members.filter((one) => one.online).length);
  const { sending = 0, receiving = 0 } = history.value.at(-1) ?? {};
  return (
    <div class="tiles">
      <Tile page="portals" name="Portals online" value={online(portals)} of={portals.length} />
      <Tile page="relays" name="Relays online" value={online(relays)} of={relays.length} />
      <Tile page="pairs" name="Access pairs active" value={formatCount(pairs.active)} of={pairs.total} />
      <Tile page="traffic" name="Tunnels" value={formatCount(rates.value.length)} />
      <Tile page="traffic" name="Streams" value={formatCount(traffic.value?.totals.streams ?? 0)} />
      <Tile page="traffic" name="Throughput" value={formatRate(sending + receiving)} />
    </div>
  );
}

type TileProps = { page: 'portals' | 'relays' | 'pairs' | 'traffic'; name: string; value: string; of?: number };

const Tile = ({ page, name, value, of }: TileProps) => (
  <Link to={{ page }} class="tile">
    <dl>
      <dt>{name}</dt>
      <dd data-tile={name}>
        {value}
        {of !== undefined && <small> of {formatCount(of)}</small>}
      </dd>
    </dl>
  </Link>
);

function Legend() {
  const { sending = 0, receiving = 0 } = history.value.at(-1) ?? {};
  return (
    <div class="legend">
      <span>
        <span class="key sending" />
        Sent <b>{formatRate(sending)}</b>
      </span>
      <span>
        <span class="key receiving" />
        Received <b>{formatRate(receiving)}</b>
      </span>
    </div>
  );
}
