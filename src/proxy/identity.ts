/** Who wirehop says it is. */

/** As in package.json; a test holds the two together. */
export const VERSION = '0.1.0';

/** The nginx whose documentation is this version's specification ($nginx_version). */
export const NGINX_VERSION = '1.31.0';
