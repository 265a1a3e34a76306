/**
 * Who may use a location, and how often: the lines of `allow`, `auth_basic`, `limit_req` and so on become rules. Decides
 * that all places that name a zone share it.
 */
import { dirname } from 'node:path';
import { Access } from '../../proxy/access/access.js';
import { AddressRules } from '../../proxy/access/address-rules.js';
import { Admission } from '../../proxy/access/admission.js';
import { AuthRequest } from '../../proxy/access/auth-request.js';
import { BasicAuth } from '../../proxy/access/basic-auth.js';
import type { Count } from '../../proxy/access/limit-conn.js';
import type { Bucket } from '../../proxy/access/limit-req.js';
import { Zone } from '../../proxy/access/zone.js';
import type { HttpLevel } from '../blocks.js';
import * as access from '../directives/access.js';
import * as auth from '../directives/auth.js';
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
    const admission = this.admission(level);
    if (admission === null && requests.length + connections.length === 0) return undefined;
    return new Access({
      admission,
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

  private admission(level: Level): Admission | null {
    const lines = level.get(access.ADDRESS_RULES);
    const addresses = lines.length === 0 ? null : new AddressRules(lines);
    const basic = this.basic(level);
    const request = this.request(level);
    if (addresses === null && basic === null && request === null) return null;
    const satisfiesAny = level.get(auth.SATISFY) === 'any';
    return new Admission({ addresses, basic, request, satisfiesAny, delayMs: level.get(auth.AUTH_DELAY) });
  }

  private basic(level: Level): BasicAuth | null {
    const realm = level.get(auth.AUTH_BASIC);
    const file = level.get(auth.AUTH_BASIC_USER_FILE);
    if (realm === null || file === null) return null;
    const { site } = this;
    const { users } = site.world;
    if (users === undefined) {
      const hint = 'whoever reads this configuration cannot check passwords';
      site.fault(file.place, '"auth_basic_user_file" cannot be honoured here', hint);
      return null;
    }
    const folder = dirname(site.world.file);
    return new BasicAuth({ realm: site.template(realm), file: site.template(file.path), folder, users });
  }

  private request(level: Level): AuthRequest | null {
    const { site } = this;
    // Used or not: a fault in one is told.
    const sets = level.get(auth.AUTH_REQUEST_SETS).flatMap(({ name, value }) => {
      const variable = site.assignable(name);
      const template = site.template(value);
      return variable === undefined ? [] : [{ variable, value: template }];
    });
    const uri = level.get(auth.AUTH_REQUEST);
    return uri === '' ? null : new AuthRequest(uri, sets);
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
