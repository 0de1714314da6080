"""What each action is compared with, and which storage the two do not share, slot by slot."""

from dataclasses import dataclass

# Gas of the first access in a transaction (EIP-2929, EIP-2200, EIP-3529); an erased slot returns 4,800 of its 5,000.
PRICES = {"accounts": 2_600, "read": 2_100, "rewritten": 5_000, "filled": 22_100, "erased": 200}
TRANSACTION = 21_000
AIM = 1.25
FEW, MANY = " (4 and 4)", " (64 and 64)"

Slots = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Pair:
    """`more` is what the action looks at and its plain counterpart does not, `less` the reverse: by kind of access."""

    action: str
    plain: str
    more: Slots
    less: Slots


OZ_DEPOSIT, OZ_REDEEM = "OpenZeppelin ERC-4626: deposit", "OpenZeppelin ERC-4626: redeem"
REQUEST = ("a request's operator and maturity", "its receiver and index", "its assets")
WAITING = ("what waits in the tranche, and its index", "how many requests there are")
QUEUE = ("the controller's oldest and newest request", "the request before")
TOKEN_OUT: Slots = {"read": ("votes of the vault", "votes of the receiver")}
VAULT: Slots = {
    "accounts": ("the ledger",),
    "read": ("the operator's own stake", "what is locked of the pool"),
    "rewritten": ("the ledger's total, with the pause", "the pool's delegated stake", "the vault's shares of it"),
}
LOCKED: Slots = {"filled": ("what the arena has locked of the pool", "what is locked of the pool, with the commission")}
JOINED = (
    "the task's creator and end of commits",
    "its least stake",
    "whether it was cancelled",
    "that nobody joins twice",
    "that the arena is a module",
    "the pause",
    "the pool's own stake",
    "its delegated stake",
    "what came after the newest lock",
)
JOINING: Slots = {
    "read": ("rewards per token", "the allowance"),
    "rewritten": ("rewards that wait", "rewards that were paid", "the token's balances of payer", "and receiver"),
}
CLAIMED: Slots = {
    "accounts": ("the ledger",),
    "read": (
        "the task's creator",
        "its pot",
        "its weight",
        "that it is finalized",
        "the claimant's stake and slashes",
        "its weight",
        "the pool's delegated stake",
        "the arena's allowance to the ledger",
    ),
    "rewritten": ("that it is claimed", "the weight that is taken out of the pot", "the assets"),
}

PAIRS = (
    Pair(
        "deposit own stake",
        "plain rewards: stake",
        {},
        {"read": ("rewards per token",), "rewritten": ("rewards that wait", "rewards that were paid")},
    ),
    Pair(
        "delegate",
        OZ_DEPOSIT,
        {
            "read": ("the operator's own stake", "what is locked of the pool"),
            "rewritten": ("the ledger's total, with the pause",),
        },
        {},
    ),
    Pair("vault deposit", OZ_DEPOSIT, VAULT, {}),
    Pair("vault mint", "OpenZeppelin ERC-4626: mint", VAULT, {}),
    Pair(
        "request withdrawal",
        OZ_REDEEM,
        {"filled": REQUEST, "read": ("what came after the newest lock",), "rewritten": WAITING},
        {"accounts": ("the token",), **TOKEN_OUT, "rewritten": ("its balance of the vault", "of the receiver")},
    ),
    Pair(
        "vault request redeem",
        OZ_REDEEM,
        {
            "accounts": ("the ledger",),
            "filled": (*REQUEST, "its shares, for its controller"),
            "read": ("what came after the newest lock",),
            "rewritten": ("the pool's delegated stake", "the vault's shares of it", *WAITING, *QUEUE),
        },
        {"accounts": ("the token",), **TOKEN_OUT, "rewritten": ("its balance of the vault", "of the receiver")},
    ),
    Pair("withdraw", OZ_REDEEM, {"erased": REQUEST, "read": ("what is locked of the pool",)}, {}),
    Pair(
        "vault redeem",
        OZ_REDEEM,
        {
            "accounts": ("the ledger",),
            "erased": (*REQUEST, "its shares, for its controller"),
            "read": ("what is locked of the pool",),
            "rewritten": ("the controller's oldest and newest request",),
        },
        {},
    ),
    Pair(
        "distribute a reward",
        "plain rewards: notify",
        {
            "read": ("the commission, with what is locked", "what came after the newest lock"),
            "rewritten": ("the ledger's total", "the operator's own stake"),
        },
        {"read": ("the total of stakes",)},
    ),
    Pair(
        "commit a model",
        "plain rewards: stake a plain token",
        {
            "filled": (
                "the model of this trainer",
                "its trainer and state",
                "its stake",
                "the commitment",
                *LOCKED["filled"],
            ),
            "read": JOINED,
        },
        JOINING,
    ),
    Pair(
        "register",
        "plain rewards: stake a plain token",
        {"filled": ("the validator's index and stake", "its seat", *LOCKED["filled"]), "read": JOINED},
        JOINING,
    ),
    Pair("claim for a model", "plain rewards: exit with a plain token", CLAIMED, {"read": ("rewards per token",)}),
    Pair("claim as validator", "plain rewards: exit with a plain token", CLAIMED, {"read": ("rewards per token",)}),
)
