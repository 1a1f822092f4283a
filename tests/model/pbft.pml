/* PBFT as src/scheduling/pbft runs it, for spin: one height, four nodes of equal weight of which
 * one is Byzantine, two values, views 0 to VIEWS - 1. It asserts the invariants of spec/30 §3.12
 * under their numbers there, which are those of the simulator too (tests/sim/check.c).
 *
 * Network: every message ever sent stays in a set that all may read at any time. So delay, loss,
 * reordering and duplication need no steps of their own: a node acts on what it may have received.
 *
 * Byzantine node 3: its vote for anything is there whenever it helps. Where it leads it proposes
 * anything to anybody and sends each node a NewView of its own, any that the receiver's checks let
 * pass. The signatures of a precommit proof cover the hash alone, not the view (spec/30 §3.2), and
 * nothing proves the height that a view change names. So its view change claims that a value was
 * prepared in whatever view as soon as two correct nodes have prepared it in whatever views, or
 * names a height that leaves nothing to propose again.
 *
 * Certificates: a proof also has the signatures of the Prepare messages, which cover height, hash,
 * view and sender. Those of a quorum show that the value was prepared in that view, and nobody can
 * forge them or call them newer. Who has one may show it to anybody, so once it exists all may use it.
 *
 * Crash: each step records what its message depends on before the message leaves (design W3), so a
 * restarted node is where it was. A decision not yet executed is lost; as it only forbids things, a
 * node that lost it does no more than one that has not decided yet: decision and checkpoint are one
 * step here. The mutations FORGET_* and RECORD_LATE make crashes matter.
 *
 * Left out: several heights at once (a height looks at others only to wait for them), changing
 * sealer lists, weights, the contents of blocks, progress (only 3.12.9 in the form of a state).
 *
 * Two lines of defence, looked at apart:
 *   - as built, a precommit binds its node to the value until the height is in the ledger or a
 *     certificate of a later view is shown, which then takes its place (locks as in Tendermint, arXiv
 *     1807.04938). ANY_VIEW shows how far that goes: a node enters any higher view at any time and
 *     accepts what anybody names there;
 *   - TEXTBOOK: a precommit does not bind, the NewView's rule alone keeps a decision. That holds only
 *     without what the protocol on the wire has besides: views in view changes must be true, a node
 *     may not work in a view below one that it asked for, nor enter a view by RecoverResponses.
 * So nothing may ever weaken the first one: see FORGET_PRECOMMITS, UNSIGNED_VIEW, RELEASE_BY_OLD.
 * LEAN leaves out of ANY_VIEW what only forbids, so that more views can be searched: execution, and
 * adopting a certificate without a Prepare.
 *
 * LEAD is the node that leads view 0: with 3 the Byzantine one leads view 0, with 2 view 1, ... */

#ifndef VIEWS
#define VIEWS 2
#endif
#ifndef LEAD
#define LEAD 3
#endif
#ifdef QUORUM_OFF_BY_ONE
#define Q 2
#else
#define Q 3
#endif
#define HONEST 3
#define BYZANTINE 3

#ifdef ANY_VIEW /* as good as no leader: a node may accept anything */
#define LEADER(w)  BYZANTINE
#else
#define LEADER(w)  (((w) + LEAD) % 4)
#endif
#define AT(w, x)   (2 * (w) + (x) - 1) /* place of value x (1, 2) in view w */
#define OTHER(x)   (3 - (x))
#ifdef TEXTBOOK
#define MAY_ENTER(i, w) ((w) >= to[i])
#else
#define MAY_ENTER(i, w) true
#endif
#define COUNT(m)   (((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1))
#define QUORUM(m)  (COUNT(m) + 1 >= Q) /* of correct nodes m and the Byzantine one */
#ifdef ANY_VIEW
#define TIMEOUT(i) false
#else
#define TIMEOUT(i) (to[i] > view[i])
#endif
/* A proof for x that verifies: signatures over its hash, from whatever views. */
#define PROOF(x)   QUORUM(signers[(x) - 1])
/* A certificate: x was prepared in view b. */
#ifdef UNSIGNED_VIEW
#define CERT(b, x) PROOF(x)
#else
#define CERT(b, x) QUORUM(prepares[AT(b, x)])
#endif

/* ---- correct nodes ---- */
byte view[HONEST];
byte vote[HONEST]; /* prepared in the present view; 0: nothing */
byte pc[HONEST];   /* precommitted value, its own or adopted with a certificate */
byte pcw[HONEST];  /* its view + 1 */
byte exe[HONEST];  /* decided and executed: its checkpoint is out */
#ifndef ANY_VIEW
byte to[HONEST];
#endif
#ifdef TEXTBOOK
bit led[HONEST];   /* the height is in its ledger */
#define OPEN(i) (led[i] == 0)
#else
/* A node that has the block only falls silent, and what it says in view changes the Byzantine one
 * may say anyway. */
#define OPEN(i) true
#endif
#ifdef RECORD_LATE
byte r_vote[HONEST], r_pc[HONEST], r_pcw[HONEST];
#endif
#ifdef ADOPT_BLIND
bit blind[HONEST]; /* it does not have the block that it adopted */
#endif
#ifdef FORGET_ADOPTED
byte own_pc[HONEST], own_pcw[HONEST]; /* the last precommit of its own */
#ifdef COMMIT_UNRECORDED /* which is not so when it was adopted before */
#define RECORDED(i) (pcw[i] <= view[i])
#else
#define RECORDED(i) true
#endif
#endif

/* ---- messages; masks of correct senders unless said otherwise ---- */
byte proposed[VIEWS]; /* mask of values in the correct leader's PrePrepares */
byte prepares[2 * VIEWS];
byte commits[2 * VIEWS];
byte checks[2];       /* checkpoints, by value */
byte signers[2];      /* who prepared the value in any view */
#ifndef ANY_VIEW
byte entered[VIEWS];  /* RecoverResponses */
byte newview[VIEWS];  /* the correct leader's: 1 << value, 1: empty list, 0: none sent */
/* View changes, [sender * VIEWS + view]: mask of contents: bit 0 nothing prepared, bit 1 + AT(w, x)
 * x prepared in w, bit 7 height committed. Without TEXTBOOK bit 0 stands for all: the Byzantine
 * node's own is one of the quorum and decides. */
byte changes[HONEST * VIEWS];
#endif

/* ---- for assertions ---- */
byte decided[2]; /* 1 + the lowest view with a commit quorum for the value */
#ifndef TEXTBOOK
byte bound[2 * HONEST]; /* [2 * node + value - 1]: 1 + the highest view of its Commits for the value */
byte shown[2];          /* by value: mask of views with a quorum of Prepares */
hidden byte stuck;
#endif

/* In view w, what node i may adopt, and what frees it to accept x: a certificate of a later view b than
 * its precommit's. */
#ifdef BINDS_FOR_GOOD
#define NEWER(i, b, x, w) false
#endif
#ifdef RELEASE_BY_OLD
#define NEWER(i, b, x, w) ((b) <= (w) && CERT(b, x))
#endif
#ifndef NEWER
#define NEWER(i, b, x, w) (pcw[i] <= (b) && (b) <= (w) && CERT(b, x))
#endif
#if VIEWS > 2
#define NEWER_2(i, x) NEWER(i, 2, x, view[i])
#else
#define NEWER_2(i, x) false
#endif
#if VIEWS > 3
#define NEWER_3(i, x) NEWER(i, 3, x, view[i])
#else
#define NEWER_3(i, x) false
#endif
#ifdef TEXTBOOK
#define LOCK_OK(i, x) true
#else
#define LOCK_OK(i, x)                                                                                \
    (pc[i] == 0 || pc[i] == (x) || NEWER(i, 0, x, view[i]) || NEWER(i, 1, x, view[i]) ||             \
     NEWER_2(i, x) || NEWER_3(i, x))
#endif

/* Node i may accept x in some next view, if need be by what another one is bound by. */
#define RELEASES(k, i, x) (pc[k] == (x) && NEWER(i, pcw[k] - 1, x, VIEWS))
#define OPEN_TO(i, x)                                                                                \
    (exe[i] != OTHER(x) &&                                                                           \
     (pc[i] != OTHER(x) || RELEASES(0, i, x) || RELEASES(1, i, x) || RELEASES(2, i, x)))
#define ALL_OPEN_TO(x) (OPEN_TO(0, x) && OPEN_TO(1, x) && OPEN_TO(2, x) && AT_HAND(x))
/* Who adopts a precommit has its block, by whomever it was shown. A node that did not precommit what it
 * prepared drops the block with the view. */
#ifdef ADOPT_BLIND
#define HOLDS(k, x) ((pc[k] == (x) && blind[k] == 0) || vote[k] == (x) || exe[k] == (x))
#define AT_HAND(x)                                                                                   \
    (HOLDS(0, x) || HOLDS(1, x) || HOLDS(2, x) || (pc[0] != (x) && pc[1] != (x) && pc[2] != (x)))
#else
#define AT_HAND(x) true
#endif

/* With VIEW_BACK a node knows its votes of all views. */
#ifdef VIEW_BACK
#define VOTE_IN(i, w)                                                                                \
    ((prepares[AT(w, 1)] & (1 << i)) -> 1 : ((prepares[AT(w, 2)] & (1 << i)) -> 2 : 0))
#else
#define VOTE_IN(i, w) 0
#endif
#ifdef FETCH_BELIEVES
#define MAY_FETCH(x) PROOF(x)
#else
#define MAY_FETCH(x) (checks[(x) - 1] != 0 && PROOF(x))
#endif
/* The value prepared first is called 1; with ANY_VIEW, where none leads, nodes are numbered in the
 * order of their first Prepares. */
#ifdef ANY_VIEW
#define NUMBERED(i) (i == 0 || ((signers[0] | signers[1]) & (1 << (i - 1))))
#else
#define NUMBERED(i) true
#endif
/* no_conflict() of pbft_normal.c */
#define MAY_ACCEPT(i, x)                                                                             \
    (OPEN(i) && vote[i] == 0 && LOCK_OK(i, x) && exe[i] != OTHER(x) &&                               \
     ((x) == 1 || signers[0] != 0) && NUMBERED(i))

inline record(i)
{
#ifdef RECORD_LATE
    r_vote[i] = vote[i];
    r_pc[i] = pc[i];
    r_pcw[i] = pcw[i]
#else
    skip
#endif
}

/* 3.12.9 in the form of a state: whatever binds correct nodes, there is a value that all of them, a
 * quorum, may accept in some next view, if they show each other what they are bound by. */
inline not_stuck()
{
#if !defined(TEXTBOOK) && !defined(SAFETY_ONLY)
    stuck = !(ALL_OPEN_TO(1) || ALL_OPEN_TO(2));
    assert(stuck == 0)
#else
    skip
#endif
}

#ifndef TEXTBOOK
inline bind(i, b, x)
{
    pc[i] = x;
    pcw[i] = b + 1
}

/* a certificate out of a view change */
inline adopt(i, b, x)
{
    record(i);
#ifdef ADOPT_BLIND
    blind[i] = !HOLDS(i, x);
#endif
    bind(i, b, x);
    not_stuck()
}
#endif

inline accept(i, x)
{
    /* 3.12.5: one Prepare in a view; for another hash than one that it sent a Commit for, only when a
     * quorum prepared it in a later view */
    assert((prepares[AT(view[i], OTHER(x))] & (1 << i)) == 0);
#ifndef TEXTBOOK
#ifndef UNSIGNED_VIEW /* what it releases by are proofs, as far as anybody can tell */
    assert(bound[2 * i + OTHER(x) - 1] == 0 ||
           ((shown[x - 1] & ((2 << view[i]) - 1)) >> bound[2 * i + OTHER(x) - 1]) != 0);
#endif
    if /* it takes one; a higher one it may adopt next */
    :: pc[i] != OTHER(x) -> skip
    :: pc[i] == OTHER(x) && NEWER(i, 0, x, view[i]) -> bind(i, 0, x)
    :: pc[i] == OTHER(x) && NEWER(i, 1, x, view[i]) -> bind(i, 1, x)
#if VIEWS > 2
    :: pc[i] == OTHER(x) && NEWER_2(i, x) -> bind(i, 2, x)
#endif
#if VIEWS > 3
    :: pc[i] == OTHER(x) && NEWER_3(i, x) -> bind(i, 3, x)
#endif
    fi;
#endif
    vote[i] = x;
    prepares[AT(view[i], x)] = prepares[AT(view[i], x)] | (1 << i);
#ifndef TEXTBOOK
    if
    :: QUORUM(prepares[AT(view[i], x)]) -> shown[x - 1] = shown[x - 1] | (1 << view[i])
    :: else
    fi;
#ifdef ADOPT_BLIND
    blind[i] = 0;
#endif
    not_stuck();
#endif
    signers[x - 1] = signers[x - 1] | (1 << i)
}

inline precommit(i)
{
#ifdef FORGET_ADOPTED
    if
    :: RECORDED(i) -> own_pc[i] = vote[i]; own_pcw[i] = view[i] + 1
    :: else
    fi;
#endif
    pc[i] = vote[i];
    pcw[i] = view[i] + 1;
#ifdef ADOPT_BLIND
    blind[i] = 0;
#endif
    commits[AT(view[i], pc[i])] = commits[AT(view[i], pc[i])] | (1 << i);
#ifndef TEXTBOOK
    if
    :: bound[2 * i + pc[i] - 1] <= view[i] -> bound[2 * i + pc[i] - 1] = view[i] + 1
    :: else
    fi;
#endif
    assert(commits[AT(view[i], OTHER(pc[i]))] == 0); /* 3.12.2: one hash in a view */
    /* 3.12.3: no other hash in the views after a commit quorum */
    assert(decided[OTHER(pc[i]) - 1] == 0 || decided[OTHER(pc[i]) - 1] > view[i]);
    if
    :: QUORUM(commits[AT(view[i], pc[i])]) &&
       (decided[pc[i] - 1] == 0 || decided[pc[i] - 1] > view[i] + 1) ->
        decided[pc[i] - 1] = view[i] + 1
    :: else
    fi;
    assert(decided[0] == 0 || decided[1] == 0); /* 3.12.1: one decision */
    not_stuck()
}

inline checkpoint(i, x)
{
    exe[i] = x;
    checks[x - 1] = checks[x - 1] | (1 << i);
    /* 3.12.1: what anybody executes was decided, and nothing else is */
    assert(decided[x - 1] != 0 && checks[OTHER(x) - 1] == 0);
    not_stuck()
}

inline enter(i, w)
{
    assert(w >= view[i]); /* 3.12.6 */
    if
    :: w > view[i] ->
        vote[i] = VOTE_IN(i, w);
#ifdef RECORD_LATE
        r_vote[i] = 0;
#endif
#ifdef ADOPT_BLIND
        not_stuck();
#endif
        view[i] = w
    :: else
    fi;
#ifndef ANY_VIEW
    to[i] = w;
    entered[w] = entered[w] | (1 << i)
#endif
}

inline take(i, w, r)
{
    enter(i, w);
    if
    :: r == 1 && MAY_ACCEPT(i, 1) -> accept(i, 1)
    :: r == 2 && MAY_ACCEPT(i, 2) -> accept(i, 2)
    :: else
    fi
}

inline choose(mask, r)
{
    if
    :: mask & 1 -> r = 0
    :: mask & 2 -> r = 1
    :: mask & 4 -> r = 2
    fi
}

#ifndef ANY_VIEW
inline say_change(i)
{
#ifdef TEXTBOOK
    if
    :: led[i] != 0 -> changes[i * VIEWS + to[i]] = changes[i * VIEWS + to[i]] | 128
    :: led[i] == 0 && pc[i] == 0 -> changes[i * VIEWS + to[i]] = changes[i * VIEWS + to[i]] | 1
    :: led[i] == 0 && pc[i] != 0 ->
        changes[i * VIEWS + to[i]] = changes[i * VIEWS + to[i]] | (2 << AT(pcw[i] - 1, pc[i]))
    fi
#else
    changes[i * VIEWS + to[i]] = 1
#endif
}

#define CHANGE(k) changes[(k) * VIEWS + w]
#ifdef TEXTBOOK
/* The lowest view + 1 that member k of the quorum may report; 9: only that the height is committed. */
#define LOW(k)                                                                                       \
    ((CHANGE(k) & 1) -> 0 :                                                                          \
     ((CHANGE(k) & 6) -> 1 : ((CHANGE(k) & 24) -> 2 : ((CHANGE(k) & 96) -> 3 : 9))))
#define IN(k) ((s >> (k)) & 1)

/* out: what a NewView of view w may propose again, over all quorums s of view changes (bit 3: the
 * Byzantine node's): 1 << value, or 1: nothing. What was prepared in the highest view wins. */
inline outcomes(w)
{
    out = 0;
    s = 1;
    do
    :: s < 16 ->
        if
        :: COUNT(s) + (s >> 3) >= Q && (!IN(0) || CHANGE(0)) && (!IN(1) || CHANGE(1)) &&
           (!IN(2) || CHANGE(2)) ->
            if
            :: ((!IN(0) || CHANGE(0) & 129) && (!IN(1) || CHANGE(1) & 129) &&
                (!IN(2) || CHANGE(2) & 129)) ||
               (IN(0) && CHANGE(0) & 128) || (IN(1) && CHANGE(1) & 128) ||
               (IN(2) && CHANGE(2) & 128) ->
                out = out | 1
            :: else
            fi;
            u = 0;
            do
            :: u < w ->
                x = 1;
                do
                :: x <= 2 ->
                    if
                    :: (!IN(0) || LOW(0) <= u + 1) && (!IN(1) || LOW(1) <= u + 1) &&
                       (!IN(2) || LOW(2) <= u + 1) &&
                       ((IN(0) && CHANGE(0) & (2 << AT(u, x))) ||
                        (IN(1) && CHANGE(1) & (2 << AT(u, x))) ||
                        (IN(2) && CHANGE(2) & (2 << AT(u, x))) ||
                        (IN(3) && QUORUM(prepares[AT(u, x)]))) ->
                        out = out | (1 << x)
                    :: else
                    fi;
                    x++
                :: else -> break
                od;
                u++
            :: else -> break
            od
        :: else
        fi;
        s++
    :: else -> break
    od;
    s = 0;
    u = 0;
    x = 0
}
#else
inline outcomes(w)
{
    if
    :: COUNT(CHANGE(0) | CHANGE(1) << 1 | CHANGE(2) << 2) + 1 >= Q ->
        out = 1 | (PROOF(1) -> 2 : 0) | (PROOF(2) -> 4 : 0)
    :: else -> out = 0
    fi
}
#endif
#endif

proctype node(byte i)
{
    byte w, r, out;
#ifdef TEXTBOOK
    byte x, s, u;
#endif
end:
    do
    /* P0: the leader proposes what it has precommitted, or anything */
    :: atomic {
        LEADER(view[i]) == i && !TIMEOUT(i) && MAY_ACCEPT(i, 1) && pc[i] != 2 ->
        record(i);
        proposed[view[i]] = proposed[view[i]] | 2;
        accept(i, 1)
       }
    :: atomic {
        LEADER(view[i]) == i && !TIMEOUT(i) && MAY_ACCEPT(i, 2) && pc[i] != 1 ->
        record(i);
        proposed[view[i]] = proposed[view[i]] | 4;
        accept(i, 2)
       }
    /* P1, also while timed out */
    :: atomic {
        MAY_ACCEPT(i, 1) && (LEADER(view[i]) == BYZANTINE || (proposed[view[i]] & 2)) ->
        record(i);
        accept(i, 1)
       }
    :: atomic {
        MAY_ACCEPT(i, 2) && (LEADER(view[i]) == BYZANTINE || (proposed[view[i]] & 4)) ->
        record(i);
        accept(i, 2)
       }
    /* P3. Who adopted what it voted for in this view sends its Commit; who adopted another, none. */
    :: atomic {
#ifndef PRECOMMIT_IN_TIMEOUT
        !TIMEOUT(i) &&
#endif
        OPEN(i) && vote[i] != 0 && QUORUM(prepares[AT(view[i], vote[i])]) &&
        (pcw[i] <= view[i] ||
         (pc[i] == vote[i] && (commits[AT(view[i], vote[i])] & (1 << i)) == 0)) ->
        record(i);
        precommit(i)
       }
#ifndef LEAN
    /* P5-P7: a commit quorum of the present view */
    :: atomic {
        !TIMEOUT(i) && OPEN(i) && exe[i] == 0 && pcw[i] == view[i] + 1 && pc[i] == vote[i] &&
        QUORUM(commits[AT(view[i], pc[i])]) ->
        checkpoint(i, pc[i])
       }
    /* log sync: f + 1 checkpoints, so one of a correct node, and a proof */
    :: atomic { OPEN(i) && exe[i] == 0 && MAY_FETCH(1) -> checkpoint(i, 1) }
    :: atomic { OPEN(i) && exe[i] == 0 && MAY_FETCH(2) -> checkpoint(i, 2) }
#ifndef TEXTBOOK
    :: atomic { NEWER(i, 0, 1, view[i]) -> adopt(i, 0, 1) }
    :: atomic { NEWER(i, 0, 2, view[i]) -> adopt(i, 0, 2) }
    :: atomic { NEWER(i, 1, 1, view[i]) -> adopt(i, 1, 1) }
    :: atomic { NEWER(i, 1, 2, view[i]) -> adopt(i, 1, 2) }
#if VIEWS > 2
    :: atomic { NEWER_2(i, 1) -> adopt(i, 2, 1) }
    :: atomic { NEWER_2(i, 2) -> adopt(i, 2, 2) }
#endif
#if VIEWS > 3
    :: atomic { NEWER_3(i, 1) -> adopt(i, 3, 1) }
    :: atomic { NEWER_3(i, 2) -> adopt(i, 3, 2) }
#endif
#endif
#endif
#ifdef TEXTBOOK
    /* P9, and block sync, which takes a block with a quorum of signatures */
    :: atomic {
        led[i] == 0 && (QUORUM(checks[0]) || QUORUM(checks[1])) ->
        led[i] = 1;
        vote[i] = 0;
        pc[i] = 0;
        pcw[i] = 0;
        exe[i] = 0
       }
#endif
#ifdef ANY_VIEW
    :: atomic { view[i] + 1 < VIEWS -> w = view[i] + 1; enter(i, w); w = 0 }
#else
    /* the timer; what was said is said again after the height was committed */
    :: atomic { to[i] + 1 < VIEWS -> to[i] = to[i] + 1; say_change(i) }
#ifdef TEXTBOOK
    :: atomic { TIMEOUT(i) && led[i] != 0 && (changes[i * VIEWS + to[i]] & 128) == 0 -> say_change(i) }
#endif
    /* f + 1 others ask for a higher view: one of them is correct */
    :: atomic {
        to[i] + 2 < VIEWS && (changes[((i + 1) % 3) * VIEWS + to[i] + 2] ||
                              changes[((i + 2) % 3) * VIEWS + to[i] + 2]) ->
        to[i] = to[i] + 2;
        say_change(i)
       }
    /* the leader of the view it asks for makes a NewView */
    :: atomic {
        TIMEOUT(i) && LEADER(to[i]) == i && newview[to[i]] == 0 ->
        w = to[i];
        outcomes(w);
        if
        :: out == 0 -> skip
        :: else ->
            choose(out, r);
            newview[w] = 1 << r;
            take(i, w, r)
        fi;
        out = 0;
        r = 0;
        w = 0
       }
    /* a NewView of another leader */
    :: atomic {
        view[i] + 1 < VIEWS ->
        if
        :: w = view[i] + 1
        :: view[i] + 2 < VIEWS -> w = view[i] + 2
        fi;
        if
        :: LEADER(w) == BYZANTINE ->
#ifdef NEWVIEW_UNCHECKED
            out = 7
#else
            outcomes(w)
#endif
        :: LEADER(w) != BYZANTINE && LEADER(w) != i -> out = newview[w]
        :: LEADER(w) == i -> skip
        fi;
        if
        :: out == 0 || !MAY_ENTER(i, w) -> skip
        :: else -> choose(out, r); take(i, w, r)
        fi;
        out = 0;
        r = 0;
        w = 0
       }
#ifndef TEXTBOOK
    /* recovery: f + 1 are in a higher view, or a quorum in our own */
    :: atomic { TIMEOUT(i) && view[i] + 1 < VIEWS && entered[view[i] + 1] ->
        w = view[i] + 1; enter(i, w); w = 0 }
    :: atomic { TIMEOUT(i) && view[i] + 2 < VIEWS && entered[view[i] + 2] ->
        w = view[i] + 2; enter(i, w); w = 0 }
    :: atomic { TIMEOUT(i) && QUORUM(entered[view[i]] & ~(1 << i)) -> w = view[i]; enter(i, w); w = 0 }
#endif
#endif
    /* crash and restart */
#ifdef FORGET_VOTES
    :: atomic { vote[i] != 0 -> vote[i] = 0 }
#endif
#ifdef FORGET_PRECOMMITS
    :: atomic { pc[i] != 0 -> pc[i] = 0; pcw[i] = 0 }
#endif
#ifdef FORGET_ADOPTED
    :: atomic { pcw[i] != own_pcw[i] -> pc[i] = own_pc[i]; pcw[i] = own_pcw[i] }
#endif
#ifdef VIEW_BACK
    :: atomic { view[i] > 0 -> view[i] = view[i] - 1; vote[i] = VOTE_IN(i, view[i]) }
#endif
#ifdef RECORD_LATE /* the last step's message has left, its record was never written */
    :: atomic {
        vote[i] != r_vote[i] || pcw[i] != r_pcw[i] ->
        vote[i] = r_vote[i];
        pc[i] = r_pc[i];
        pcw[i] = r_pcw[i]
       }
#endif
    od
}

init {
    atomic {
#ifndef ANY_VIEW
        entered[0] = 7;
#endif
        run node(0);
        run node(1);
        run node(2)
    }
}
