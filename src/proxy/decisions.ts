/**
 * Decisions that are changed on their way, whether they are there already or have to be found out.
 */
import type { Decision, Plan } from '../machine/policy.js';

/** What `change` makes of the plan, now or when it is there. */
export function whenPlanned(decision: Decision, change: (plan: Plan) => Plan): Decision {
  if (decision.kind !== 'ask') return change(decision);
  const later = (next: Decision): Decision => whenPlanned(next, change);
  return {
    kind: 'ask',
    downstream: decision.downstream,
    ask: (exchange, answered, now) => {
      const answer = decision.ask(exchange, answered, now);
      if (answer instanceof Promise) return answer.then(later);
      return 'kind' in answer ? later(answer) : answer;
    },
  };
}
