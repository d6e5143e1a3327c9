"""Lesson 02: right answers and wrong ones."""

import math

import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("3")
def longest_chain(graph):
    level = {}

    def level_of(node):
        if node not in level:
            level[node] = 1 + max((level_of(needed) for needed in graph[node]), default=0)
        return level[node]

    return max(level_of(node) for node in graph)


@also_right("3")
def longest_chain_by_rounds(graph):
    done, rounds = set(), 0
    while len(done) < len(graph):
        done |= {node for node in graph if node not in done and all(needed in done for needed in graph[node])}
        rounds += 1
    return rounds


@also_right("3")
def longest_chain_by_relaxing(graph):
    level = dict.fromkeys(graph, 1)
    for _ in graph:
        for node, needs in graph.items():
            level[node] = max([level[needed] + 1 for needed in needs] + [1])
    return torch.tensor(max(level.values()))


@wrong("3", "Count the nodes on the chain, not the arrows")
def counts_arrows(graph):
    return longest_chain(graph) - 1


@wrong("3", "that is the number of nodes, the work")
def counts_nodes(graph):
    return len(graph)


@wrong("3", "A node waits for all in its list.")
def follows_the_first(graph):
    def level_of(node):
        return 1 + (level_of(graph[node][0]) if graph[node] else 0)

    return max(level_of(node) for node in graph)


@wrong("3", "for a chain that is listed backwards")
def trusts_the_order(graph):
    level = {}
    for node, needs in graph.items():
        level[node] = 1 + max((level.get(needed, 0) for needed in needs), default=0)
    return max(level.values())


@also_right("3")
def longest_chain_without_a_memory(graph):
    def level_of(node):
        return 1 + max((level_of(needed) for needed in graph[node]), default=0)

    return max(level_of(node) for node in graph)


@wrong("3", "raised KeyError for a chain that is listed backwards (a graph has no order of its own): 'b'")
def trusts_the_order_blindly(graph):
    level = {}
    for node, needs in graph.items():
        level[node] = 1 + max((level[needed] for needed in needs), default=0)
    return max(level.values())


@wrong("3", "right once the nodes have names that you have not seen before")
def remembers_other_graphs(graph, level={}):  # noqa: B006
    def level_of(node):
        if node not in level:
            level[node] = 1 + max((level_of(needed) for needed in graph[node]), default=0)
        return level[node]

    return max(level_of(node) for node in graph)


@wrong("3", "for a ladder of 8 layers the longest chain has 8 nodes, you find 12")
def counts_the_side_too(graph):
    return max(longest_chain(graph), 12 if (0, 0) in graph else 0)


@wrong("3", "raised ValueError")
def no_default(graph):
    def level_of(node):
        return 1 + max(level_of(needed) for needed in graph[node])

    return max(level_of(node) for node in graph)


@wrong("3", "for three nodes in a chain: the longest chain has 3 nodes, you find 2. A node waits for all in its list.")
def arrows_into_a_node_and_itself(graph):
    return 1 + max(len(needs) for needs in graph.values())


@wrong("3", "for three nodes in a chain: the longest chain has 3 nodes, you find 1")
def most_arrows_into_a_node(graph):
    return max(1, max(len(needs) for needs in graph.values()))


@reference("4")
def wavefront_steps(T, layers):
    return T + layers - 1  # the last state is T − 1 moves to the right and layers − 1 moves up from the first


@also_right("4")
def wavefront_by_grid(T, layers):
    ready = [[0] * (T + 1) for _ in range(layers + 1)]
    for layer in range(1, layers + 1):
        for t in range(1, T + 1):
            ready[layer][t] = 1 + max(ready[layer][t - 1], ready[layer - 1][t])
    return ready[layers][T]


@also_right("4")
def wavefront_as_float(T, layers):
    return float(layers - 1) + T


@wrong("4", "is layer by layer")
def layer_by_layer(T, layers):
    return T * layers


@wrong("4", "one too many")
def off_by_one(T, layers):
    return T + layers


@wrong("4", "before the layer below has it")
def the_longer_side(T, layers):
    return max(T, layers)


@wrong("4", "is what one layer takes")
def one_layer(T, layers):
    return T if T > 1 else layers


@wrong("4", "Draw the grid")
def half_the_grid(T, layers):
    return T * layers // 2 + 1


@wrong("4", "1 layer over 1 word: 1 step, you find 0")
def counts_moves(T, layers):
    return T + layers - 2


@wrong("4", "Draw the grid")
def the_layers_alone(T, layers):
    return layers


@wrong("4", "Is a return missing?")
def prints_the_steps(T, layers):
    print(T + layers - 1)


@reference("2")
def crossing(recurrent, blocks, limit):
    return max((T for T in range(1, limit) if recurrent(T) < blocks(T)), default=0)


@also_right("2")
def crossing_from_above(recurrent, blocks, limit):
    for T in range(limit - 1, 0, -1):
        if recurrent(T) < blocks(T):
            return T
    return 0


@also_right("2")
def crossing_as_tensor(recurrent, blocks, limit):
    shorter = torch.tensor([recurrent(T) < blocks(T) for T in range(1, limit)])
    return shorter.nonzero().max() + 1 if shorter.any() else 0


@wrong("2", "you find T = 10. There the recurrent span is 100 against 100, and not shorter")
def first_longer(recurrent, blocks, limit):
    T = limit - 1
    while T > 0 and recurrent(T) >= blocks(T):
        T -= 1
    return T + 1


@wrong("2", "look at all T")
def stops_at_the_first(recurrent, blocks, limit):
    T = 0
    while recurrent(T + 1) < blocks(T + 1):
        T += 1
    return T


@wrong("2", "Turn the comparison round")
def turned_round(recurrent, blocks, limit):
    return max((T for T in range(1, limit) if recurrent(T) > blocks(T)), default=0)


@wrong("2", "you find T = 8, and at T = 9 the recurrent span is still shorter, 90 against 100")
def only_powers_of_two(recurrent, blocks, limit):
    return max((2**k for k in range(8) if recurrent(2**k) < blocks(2**k)), default=0)


@wrong("2", "raised ValueError")
def no_crossing_forgotten(recurrent, blocks, limit):
    return max(T for T in range(1, limit) if recurrent(T) < blocks(T))


@wrong("2", "a span that is shorter for all T: you find T = 0, and at T = 199 the recurrent span is still shorter")
def where_it_changes(recurrent, blocks, limit):
    return max(
        (T for T in range(1, limit - 1) if recurrent(T) < blocks(T) and recurrent(T + 1) >= blocks(T + 1)), default=0
    )


@wrong("2", "There the recurrent span is 100 against 100")
def counts_equal_as_shorter(recurrent, blocks, limit):
    return max((T for T in range(1, limit) if recurrent(T) <= blocks(T)), default=0)


@wrong("2", "T = 200 is not below the limit, 200")
def limit_included(recurrent, blocks, limit):
    return max((T for T in range(1, limit + 1) if recurrent(T) < blocks(T)), default=0)


@wrong("2", "There the recurrent span is 210 against 100, and not shorter")
def at_least_one(recurrent, blocks, limit):
    return max((T for T in range(1, limit) if recurrent(T) < blocks(T)), default=1)


@wrong("2", "9.5 is no number of words")
def between_two(recurrent, blocks, limit):
    return crossing(recurrent, blocks, limit) + 0.5


@reference("1")
def tree_levels(n):
    levels = 0
    while n > 1:
        n = (n + 1) // 2  # the pairs, and an odd one carried up
        levels += 1
    return levels


@also_right("1")
def tree_levels_by_logarithm(n):
    return math.ceil(math.log2(n))


@also_right("1")
def tree_levels_by_bits(n):
    return (n - 1).bit_length()


@wrong("1", "2 terms: 0.693147 levels? A level is whole.")
def natural_logarithm(n):
    return math.log(n)


@wrong("1", "2 is the natural logarithm, rounded up")
def natural_logarithm_rounded_up(n):
    return math.ceil(math.log(n))


@wrong("1", "is one addition after the other")
def one_by_one(n):
    return n - 1


@wrong("1", "you find 1 level, and 3 → 2 → 1 is 2 levels")
def half(n):
    return n // 2


@wrong("1", "3 terms: 1.58496 is the logarithm itself.")
def not_rounded(n):
    return math.log2(n)


@wrong("1", "up, not down")
def rounded_down(n):
    return int(math.log2(n))


@wrong("1", "5 → 3 → 2 → 1 is 3 levels. A term that is left over needs a level of its own: round up")
def rounded_to_the_nearest(n):
    return round(math.log2(n))


@wrong("1", "1 term: you find 1 level. One term is the sum already")
def bits(n):
    return n.bit_length()


@wrong("1", "1 term: you find 1 level. One term is the sum already")
def counts_the_terms_as_a_level(n):
    return 1 if n <= 1 else 1 + counts_the_terms_as_a_level((n + 1) // 2)


@wrong("1", "2 terms: you find 2 levels, and 2 → 1 is 1 level. Each level leaves half of the terms.")
def bits_of_more_than_one(n):
    return n.bit_length() if n > 1 else 0


@wrong("1", "a number below 1e308 is needed for n = 1, and this one is larger")
def enormous(n):
    return 10**400


@wrong("1", "Is a return missing?")
def prints_it(n):
    print(math.ceil(math.log2(n)))
