/**
 * Who may use a location, and how often: the lines of `allow`, `limit_req` and so on become rules. Decides that all
 * places that name a zone share it.
 */
import { Access } from '../../proxy/access/access.js';
import { AddressRules } from '../../proxy/access/address-rules.js';
import type { Count } from '../../proxy/access/limit-conn.js';
import type { Bucket } from '../../proxy/access/limit-req.js';
import { Zone } from '../../proxy/access/zone.js';
import type { HttpLevel } from '../blocks.js';
import * as access from '../directives/access.js';
import type { Level } from '../level.js';
import type { Site } from './site.js';

interface RequestZone {
  readonly zone: Zone<Bucket>;
  readonly rate: number;
}

export class AccessBuilder {
  private readonly requests = new Map<string, RequestZone>();
  private readonly connections = new Map<string, Zone<Count>>();

  /** Makes the zones, used or not, so that faults in their keys are told. */
  constructor(
    http: HttpLevel,
    private readonly site: Site,
  ) {
    for (const { name, key, octets, rate } of http.requestZones.values())
      this.requests.set(name, { zone: new Zone(name, site.template(key), octets), rate });
    for (const { name, key, octets } of http.connectionZones.values())
      this.connections.set(name, new Zone(name, site.template(key), octets));
  }

  /** What holds on a level; undefined for nothing. */
  build(level: Level): Access | undefined {
    const addresses = level.get(access.ADDRESS_RULES);
    const requests = level.get(access.REQUEST_LIMITS).flatMap(({ zone, burst, undelayed, place }) => {
      const found = this.requests.get(zone);
      if (found === undefined) return this.unknown(place, zone, 'limit_req_zone');
      return [{ ...found, burst, undelayed }];
    });
    const connections = level.get(access.CONNECTION_LIMITS).flatMap(({ zone, most, place }) => {
      const found = this.connections.get(zone);
      if (found === undefined) return this.unknown(place, zone, 'limit_conn_zone');
      return [{ zone: found, most }];
    });
    if (addresses.length + requests.length + connections.length === 0) return undefined;
    return new Access({
      addresses: addresses.length === 0 ? null : new AddressRules(addresses),
      requests,
      connections,
      requestManner: {
        status: level.get(access.REQUEST_LIMIT_STATUS),
        level: level.get(access.REQUEST_LIMIT_LEVEL),
        isDryRun: level.get(access.REQUEST_LIMIT_DRY_RUN),
      },
      connectionManner: {
        status: level.get(access.CONNECTION_LIMIT_STATUS),
        level: level.get(access.CONNECTION_LIMIT_LEVEL),
        isDryRun: level.get(access.CONNECTION_LIMIT_DRY_RUN),
      },
    });
  }

  private unknown(place: Parameters<Site['fault']>[0], zone: string, directive: string): [] {
    this.site.fault(
      place,
      `unknown zone "${zone}"`,
      `it has to be made in "http": ${directive} key zone=${zone}:10m ...;`,
    );
    return [];
  }
}
