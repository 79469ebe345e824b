/**
 * The condition for a queue's rows with ids in (`after`, `upTo`], to be read in the order `queue, id`. Written as row comparisons, because
 * `queue = … AND id > …` tempts the planner, where a queue is common in a partition, to walk the primary key and filter: a queue
 * that was busy in the morning would then read everybody else's later rows. The comparisons of `id` alone prune partitions.
 */
export function idsOfQueue(queue: string, after: string, upTo: string): string {
  return `(queue, id) > (${queue}, ${after}::uuid) AND (queue, id) <= (${queue}, ${upTo}::uuid) AND id > ${after}::uuid AND id <= ${upTo}::uuid`;
}
