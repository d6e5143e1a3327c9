"""Work, span and rounds: graphs of the real computation, and the same numbers in closed form.

The rule of counting, for all lessons:

**Level.** One scalar operation of unlimited processors: each +, ×, exp, tanh, √ is one level. Any number of results may
read a number at once, and moving a number is free. The longest chain of levels is the **span**, the number of
operations the **work**. Both belong to a *way of computing*. That a function has no faster way is another statement,
and needs its own evidence.

**Round.** One matrix product together with the function applied to its rows. A step of an RNN is one round (W h, and
the tanh), a feed-forward layer two, attention with its projections four: project, score and normalise, mix, join.
Rounds are used where the picture matters more than the scalar, and are never mixed with levels.

    graph      the machine that counts levels: arrays that compute and write down who waits for whom
    scheduling the same graph with few processors, by the tick: in one, each processor does one operation
    gradients  the way back through such a graph, so that forward and backward are counted together
    builders   what it counts: recurrences, attention and scans
    cost       closed forms of the same counts, each held to its graph by a test
    rounds     graphs for a blackboard, one node a vector, one node a round

A Graph and a Cost have the work as `operations`. Beside it their `work` is the multiply–adds (MAC) alone, two
operations each, by which layers are usually compared.
"""
