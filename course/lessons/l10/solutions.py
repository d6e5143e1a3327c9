"""Lesson 10: right answers and wrong ones."""

from fractions import Fraction

import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: bytes


@reference("1")
def sent_by_each(n, itemsize, P):
    return 2 * (P - 1) * (n / P) * itemsize  # 2(P − 1) turns, a piece in each


@also_right("1")
def sent_in_a_loop(n, itemsize, P):
    total = 0
    for _ in range(2 * (P - 1)):
        total += n // P * itemsize
    return total


@also_right("1")
def sent_as_a_share(n, itemsize, P):
    return 2 * n * itemsize * (1 - 1 / P)


@also_right("1")
def sent_as_an_integer(n, itemsize, P):
    return 2 * (P - 1) * n * itemsize // P


@also_right("1")
def sent_as_a_tensor(n, itemsize, P):
    return torch.tensor(2 * (P - 1) / P * n * itemsize)


@also_right("1")
def sent_as_a_fraction(n, itemsize, P):
    return Fraction(2 * (P - 1), P) * n * itemsize


@also_right("1")
def sent_by_all_divided(n, itemsize, P):
    together = 2 * (P - 1) * n * itemsize
    return together / P


@wrong("1", "that is what all workers send together")
def sent_by_all(n, itemsize, P):
    return 2 * (P - 1) * n * itemsize


@wrong("1", "that is the first half")
def sent_in_one_round(n, itemsize, P):
    return (P - 1) * n * itemsize / P


@wrong("1", "sends all its numbers to every other one")
def sent_to_everyone(n, itemsize, P):
    return (P - 1) * n * itemsize


@wrong("1", "for very many workers")
def sent_by_many(n, itemsize, P):
    return 2 * n * itemsize


@wrong("1", "that is all numbers once.")
def sent_once(n, itemsize, P):
    return n * itemsize


@wrong("1", "all numbers once for every worker")
def sent_for_everyone(n, itemsize, P):
    return P * n * itemsize


@wrong("1", "that counts numbers")
def numbers_sent(n, itemsize, P):
    return 2 * (P - 1) * n / P


@wrong("1", "that is eight times as much: bits")
def bits_sent(n, itemsize, P):
    return 8 * sent_by_each(n, itemsize, P)


@wrong("1", "that is the number of messages")
def messages_sent(n, itemsize, P):
    return 2 * (P - 1)


@wrong("1", "returned None for 1,000 numbers of 8 bytes among 4 workers. Is a return missing?")
def prints_bytes(n, itemsize, P):
    print(sent_by_each(n, itemsize, P))


@wrong("1", "each sends 12,000 bytes, you find 9,000")
def one_turn_too_few(n, itemsize, P):
    return sent_by_each(n, itemsize, P) * (2 * P - 2 - 1.5) / (2 * P - 2)


# ---- 2: idle


@reference("2")
def idle(P, M):
    return (P - 1) / (M + P - 1)  # of all turns, those in which a worker waits


@also_right("2")
def idle_as_a_rest(P, M):
    return 1 - M / (M + P - 1)


@also_right("2")
def idle_counted(P, M):
    busy = {(worker, worker + piece) for worker in range(P) for piece in range(M)}
    turns = 1 + max(turn for _, turn in busy)
    return 1 - len(busy) / (P * turns)


@also_right("2")
def idle_both_ways(P, M):
    return 2 * (P - 1) / (2 * (M + P - 1))


@also_right("2")
def idle_as_a_fraction(P, M):
    return Fraction(P - 1, M + P - 1)


@also_right("2")
def idle_as_a_tensor(P, M):
    return torch.tensor(P - 1, dtype=torch.float64) / (M + P - 1)


@also_right("2")
def idle_by_areas(P, M):
    area = P * (M + P - 1)
    return (area - P * M) / area


@wrong("2", "It is published like this too")
def idle_against_busy(P, M):
    return (P - 1) / M


@wrong("2", "that is the share in which a worker is busy")
def busy_share(P, M):
    return M / (M + P - 1)


@wrong("2", "one too many: the last worker finishes its last piece in turn 11")
def idle_of_one_more(P, M):
    return (P - 1) / (M + P)


@wrong("2", "one idle turn too many")
def idle_one_more(P, M):
    return P / (M + P - 1)


@wrong("2", "that is per cent")
def idle_per_cent(P, M):
    return 100 * (P - 1) / (M + P - 1)


@wrong("2", "that is the number of idle turns")
def idle_turns(P, M):
    return P - 1


@wrong("2", "does not become less with more of them")
def idle_with_one_piece(P, M):
    return (P - 1) / P


@wrong("2", "P and M have changed places")
def idle_turned_round(P, M):
    return (M - 1) / (M + P - 1)


@wrong("2", "that is workers by pieces")
def workers_by_pieces(P, M):
    return P / M


@wrong("2", "that leaves out how many workers there are")
def one_of_pieces(P, M):
    return 1 / M


@wrong("2", "that leaves out how many pieces there are")
def one_of_workers(P, M):
    return 1 / P


@wrong("2", "returned None for 5 workers and 7 pieces. Is a return missing?")
def prints_idle(P, M):
    print(idle(P, M))


@wrong("2", "a number is needed for 5 workers and 7 pieces")
def idle_as_a_list(P, M):
    return [idle(P, M)] * P


@wrong("2", "the workers are idle for 4 of 11 turns, a share of 0.3636; you find 0.7273")
def idle_twice(P, M):
    return 2 * (P - 1) / (M + P - 1)


# ---- 3: names


@reference("3")
def name(workers):
    first, *others = workers
    if any(worker["examples"] != first["examples"] for worker in others):
        return "data"
    if any(worker["words"] != first["words"] for worker in others):
        return "sequence"
    if any(worker["weights"].keys() != first["weights"].keys() for worker in others):
        return "pipeline"
    return "tensor"


@also_right("3")
def name_by_counting(workers):
    def differ(key):
        return len({str(sorted(worker[key])) for worker in workers}) > 1

    if differ("examples"):
        return "data"
    return "sequence" if differ("words") else "pipeline" if differ("weights") else "tensor"


@also_right("3")
def name_by_weights_first(workers):
    weights = [worker["weights"] for worker in workers]
    if all(other == weights[0] for other in weights):
        return "data" if workers[0]["examples"] != workers[1]["examples"] else "sequence"
    return "tensor" if all(set(other) == set(weights[0]) for other in weights) else "pipeline"


@also_right("3")
def name_in_capitals(workers):
    return name(workers).upper()


@also_right("3")
def name_by_unions(workers):
    examples = set().union(*(worker["examples"] for worker in workers))
    words = set().union(*(worker["words"] for worker in workers))
    if workers[0]["examples"] != examples:
        return "data"
    if workers[0]["words"] != words:
        return "sequence"
    layers = set().union(*(worker["weights"] for worker in workers))
    return "tensor" if set(workers[0]["weights"]) == layers else "pipeline"


@also_right("3")
def name_of_the_last_two(workers):
    one, other = workers[-2:]
    for key, answer in (("examples", "data"), ("words", "sequence")):
        if one[key] != other[key]:
            return answer
    return "pipeline" if list(one["weights"]) != list(other["weights"]) else "tensor"


@wrong("3", "it returned 'model'")
def says_model(workers):
    answer = name(workers)
    return "model" if answer == "data" else answer


@wrong("3", "They hold whole layers, different ones".lower())
def layers_are_tensors(workers):
    return name(workers).replace("pipeline", "tensor")


@wrong("3", "what differs are the words")
def words_are_data(workers):
    return name(workers).replace("sequence", "data")


@wrong("3", "No layer but a shared one is on two workers")
def shared_is_tensor(workers):
    if name(workers) != "pipeline":
        return name(workers)
    one, other = (set(worker["weights"]) for worker in workers[:2])
    return "tensor" if one & other else "pipeline"


@wrong("3", "Every worker has every layer")
def shared_is_pipeline(workers):
    if name(workers) != "tensor":
        return name(workers)
    one, other = (worker["weights"] for worker in workers[:2])
    return "pipeline" if any(one[layer] == other[layer] for layer in one) else "tensor"


@wrong("3", "only the examples differ")
def copies_are_tensors(workers):
    return "tensor" if len(workers) == 4 and name(workers) == "data" else name(workers)


@wrong("3", "the proposal of the thread")
def four_nets(workers):
    is_proposal = len(workers) == 4 and len(workers[0]["examples"]) == 8 and name(workers) == "data"
    return "tensor" if is_proposal else name(workers)


@wrong("3", "4, 2 and 2 of eight examples")
def wants_equal_shares(workers):
    sizes = {len(worker["examples"]) for worker in workers}
    return name(workers) if len(sizes) == 1 else "sequence"


@wrong("3", "Every worker has every layer, and of some layers only its own columns")
def all_weights_are_pipelines(workers):
    return name(workers).replace("tensor", "pipeline")


# ---- 4: the causal ring


@reference("4")
def pairs(T, P, rank, striped):
    def held(worker):
        return range(worker, T, P) if striped else range(worker * T // P, (worker + 1) * T // P)

    return [sum(key <= query for query in held(rank) for key in held((rank - turn) % P)) for turn in range(P)]


@also_right("4")
def pairs_by_formula(T, P, rank, striped):
    c = T // P
    own = c * (c + 1) // 2
    if striped:
        return [own if turn <= rank else own - c for turn in range(P)]
    return [own] + [c * c if turn <= rank else 0 for turn in range(1, P)]


@also_right("4")
def pairs_by_a_mask(T, P, rank, striped):
    mask = torch.ones(T, T).tril()
    order = torch.arange(T)
    held = [order[worker::P] if striped else order.chunk(P)[worker] for worker in range(P)]
    return [mask[held[rank]][:, held[(rank - turn) % P]].sum().item() for turn in range(P)]


@also_right("4")
def pairs_as_a_tuple(T, P, rank, striped):
    return tuple(pairs(T, P, rank, striped))


@also_right("4")
def pairs_as_floats(T, P, rank, striped):
    return [float(count) for count in pairs(T, P, rank, striped)]


@also_right("4")
def pairs_in_loops(T, P, rank, striped):
    counts = [0] * P
    for query in range(T):
        for key in range(query + 1):
            owner = [place % P if striped else place // (T // P) for place in (query, key)]
            if owner[0] == rank:
                counts[(rank - owner[1]) % P] += 1
    return counts


@wrong("4", "right for the other way to hold words")
def pairs_never_striped(T, P, rank, striped):
    return pairs(T, P, rank, False)


@wrong("4", "every query reads every key")
def pairs_of_all(T, P, rank, striped):
    return [(T // P) ** 2] * P


@wrong("4", "the numbers are right, and in another order")
def pairs_sorted(T, P, rank, striped):
    return sorted(pairs(T, P, rank, striped))


@wrong("4", "the blocks arrive the other way round")
def pairs_the_other_way(T, P, rank, striped):
    right = pairs(T, P, rank, striped)
    return right[:1] + right[:0:-1]


@wrong("4", "a query reads its own key too")
def pairs_without_itself(T, P, rank, striped):
    first, *others = pairs(T, P, rank, striped)
    return [first - T // P, *others]


@wrong("4", "a pair counts if key <= query")
def pairs_without_skipping(T, P, rank, striped):
    c = T // P
    return [c * (c + 1) // 2] + [c * c] * (P - 1) if not striped else pairs(T, P, rank, striped)


@wrong("4", "a pair counts if key <= query")
def pairs_that_look_ahead(T, P, rank, striped):
    ahead = pairs(T, P, rank, striped)
    c = T // P
    return [c * (c + 1) // 2, *(c * c - count for count in ahead[1:])]


@wrong(
    "4",
    "a number is needed, how many pairs are scored, for turn 0 of T = 8, P = 4, worker 0, neighbours, and this is a list",
)
def pairs_themselves(T, P, rank, striped):
    return [[(query, 0)] * count for query, count in enumerate(pairs(T, P, rank, striped))]


@wrong("4", "a number is needed, how many pairs are scored, for turn 0")
def pairs_of_nothing(T, P, rank, striped):
    return [None] * P


@wrong("4", "in which half of the pairs look ahead")
def pairs_of_a_whole_first_block(T, P, rank, striped):
    return [(T // P) ** 2, *pairs(T, P, rank, striped)[1:]]


@wrong("4", "a list is needed, a number a turn")
def pairs_summed(T, P, rank, striped):
    return sum(pairs(T, P, rank, striped))


@wrong("4", "you give 3 numbers; there are 4 turns")
def pairs_without_own(T, P, rank, striped):
    return pairs(T, P, rank, striped)[1:]


@wrong("4", "for T = 8, P = 4, worker 0, neighbours the pairs are [3, 0, 0, 0], you give [6, 0, 0, 0]")
def pairs_twice(T, P, rank, striped):
    first, *others = pairs(T, P, rank, striped)
    return [2 * first if first == 3 else first, *others]


@wrong("4", "for T = 12, P = 3, worker 0, neighbours the pairs are [10, 0, 0], you give [3, 0, 0]")
def pairs_of_blocks_of_two(T, P, rank, striped):
    return pairs(2 * P, P, rank, striped)
