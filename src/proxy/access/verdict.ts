/**
 * What a condition of the access phase says of a request, in numbers: one of these, or the status that refuses it.
 */

/** It has nothing to say. */
export const DECLINED = -1;
/** It lets the request in. */
export const GRANTED = 0;
