/**
 * Things that are right as they stand and seldom meant. Decides nothing: what is advised against is honoured all the
 * same.
 */
import type { ConfigError } from '../error.js';
import type { HttpLevel, LocationLevel, MapBlock } from './blocks.js';
import { SET_FIELDS } from './directives/proxy.js';
import { faultAt } from './syntax.js';

/**
 * The map of nginx's page on WebSocket: `'' close` says Connection: close with every plain request, which since 1.29.7
 * undoes the upstream keep-alive that is otherwise the default.
 */
export function adviseOnConnection(http: HttpLevel): ConfigError[] {
  const advice: ConfigError[] = [];
  const visit = (location: LocationLevel): void => {
    for (const { name, value } of location.pass === null ? [] : location.get(SET_FIELDS)) {
      if (name.text.toLowerCase() !== 'connection') continue;
      const map = http.maps.find((one) => value.text === `$${one.name}` || value.text === `\${${one.name}}`);
      if (map !== undefined) advice.push(...adviseOnMap(map));
    }
    location.locations.forEach(visit);
  };
  for (const server of http.servers) server.locations.forEach(visit);
  return advice;
}

function adviseOnMap(map: MapBlock): ConfigError[] {
  if (map.source.text.toLowerCase() !== '$http_upgrade') return [];
  const closing = map.entries.find(
    (pair) => pair.pattern.text === '' && pair.value.text.toLowerCase() === 'close',
  );
  if (closing === undefined) return [];
  const hint = `say '' instead of "close" to keep upstream connections open`;
  return [faultAt(closing.value, 'requests without Upgrade close their upstream connection', hint)];
}
