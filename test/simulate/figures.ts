/** What happened, in figures. */
export class Figures {
  connections = 0;
  refused = 0;
  dials = 0;
  reused = 0;
  requests = 0;
  subrequests = 0;
  promises = 0;
  denied = 0;
  sources = 0;
  paced = 0;
  retries = 0;
  answers = 0;
  complete = 0;
  localAnswers = 0;
  tunnels = 0;
  vanished = 0;
  resetsDown = 0;
  resetsUp = 0;
  faults = 0;
  contentUp = 0;
  contentDown = 0;
  tunnelOctets = 0;
  mostWaiting = 0;
  mostSessions = 0;
}
