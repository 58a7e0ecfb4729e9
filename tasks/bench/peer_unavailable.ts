/** A peer that cannot be had here: a notice and no row, never a failure. */
export class PeerUnavailable extends Error {}
