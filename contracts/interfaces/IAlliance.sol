// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Federated training
/// @notice The life of a federation: members stake and commit to their data; in every round some are drawn to propose
///         updates of the common model and others to vote on them; the accepted are aggregated, the good paid, the
///         harmful slashed.
/// @dev Every phase has a deadline and every transition can be called by anyone. A round has at most 32 proposers and
///      64 voters, a federation at most 1,024 members. Stakes and rewards are in the token of the stake ledger. A
///      member's slot counts from 0: first the proposers of the round, then its voters. Sets of proposers are masks
///      in which bit k stands for slot k.
interface IAlliance {
    /* STRUCTS */

    /// @notice Where a federation stands; a function of its record and the time.
    /// @dev Resting → Draw → Commit → Reveal → VoteCommit → VoteReveal → Tally → Attest → Settle → Resting. Attest is
    ///      left out when nothing was accepted, all from VoteCommit to Attest when no update was revealed.
    enum Phase {
        None,
        Resting,
        Draw,
        Commit,
        Reveal,
        VoteCommit,
        VoteReveal,
        Tally,
        Attest,
        Settle,
        Ended
    }

    /// @notice What a creator fixes for good.
    /// @param specDigest Digest of the federation specification's manifest.
    /// @param modelDigest Digest of the manifest of the model that the first round starts from.
    /// @param bounty The first content of the reward pool, token wei.
    /// @param minStake Least stake of a member that joins, token wei; the most is MAX_STAKE_RATIO times as much.
    /// @param floorStake Whose stake falls below it by a slash is out, token wei; at most minStake.
    /// @param rounds How many rounds are paid.
    /// @param proposers Drawn per round, 1 to 32.
    /// @param committee The most voters drawn per round, 1 to 64; all who are not proposers where they are not more.
    /// @param quorum Ballots that must be revealed for a round to count, 1 to committee.
    /// @param minMembers Least members for a round to start, proposers + quorum to 1,024.
    /// @param silentSlash What a missed duty costs, WAD of the stake, at most a tenth.
    /// @param restWindow Seconds between two rounds, at least.
    /// @param commitWindow Seconds to train and commit to an update, from the draw.
    /// @param revealWindow Seconds to reveal updates.
    /// @param voteWindow Seconds to evaluate them and commit to a ballot.
    /// @param ballotWindow Seconds to reveal ballots.
    /// @param attestWindow Seconds to aggregate and attest to the next model.
    /// @param invited Whether only those join whom the creator invites.
    struct Parameters {
        bytes32 specDigest;
        bytes32 modelDigest;
        uint128 bounty;
        uint128 minStake;
        uint128 floorStake;
        uint32 rounds;
        uint8 proposers;
        uint8 committee;
        uint8 quorum;
        uint16 minMembers;
        uint64 silentSlash;
        uint32 restWindow;
        uint32 commitWindow;
        uint32 revealWindow;
        uint32 voteWindow;
        uint32 ballotWindow;
        uint32 attestWindow;
        bool invited;
    }

    /// @notice The record of a federation.
    /// @param modelDigest Of the model that the next round starts from.
    /// @param pool What later rounds pay, token wei.
    /// @param owed Rewards that were not claimed, token wei.
    /// @param roundsLeft Paid rounds that are left.
    /// @param round The newest round; 0 before the first.
    /// @param memberCount Members that can be drawn.
    /// @param joined Members that ever joined; their numbers count from 1.
    /// @param restsUntil When the next round can start, timestamp; while a round waits for its draw: until when it can
    ///        ask for new seeds.
    /// @param open Whether the newest round is not settled.
    struct Federation {
        Parameters parameters;
        address creator;
        bytes32 modelDigest;
        uint128 pool;
        uint128 owed;
        uint32 roundsLeft;
        uint32 round;
        uint32 memberCount;
        uint32 joined;
        uint64 restsUntil;
        bool open;
        bool ended;
    }

    /// @notice What a member says of its data: they never leave it, but cannot be other ones later.
    /// @param rows How many rows.
    /// @param schemaHash Hash of the columns' names and types.
    /// @param rowsRoot Merkle root of the hashes of all rows.
    struct DataCommitment {
        uint64 rows;
        bytes32 schemaHash;
        bytes32 rowsRoot;
    }

    /// @notice The record of a member.
    /// @param seat Its place among those who can be drawn, from 1; 0 if it cannot.
    /// @param round The round in which it was drawn last.
    /// @param slot Its slot in that round.
    /// @param busy Whether that role is not settled.
    /// @param stake Locked in the ledger, token wei.
    /// @param earned Rewards to claim, token wei.
    struct Member {
        address account;
        uint32 seat;
        uint32 round;
        uint8 slot;
        bool busy;
        uint128 stake;
        uint128 earned;
        DataCommitment data;
    }

    /// @notice The record of a round.
    /// @param seedTicket Ticket of the draw.
    /// @param drawnAt Timestamp of the draw; 0 before it.
    /// @param memberCount Members when it started: those among whom is drawn.
    /// @param proposerCount Slots of proposers.
    /// @param voterCount Slots of voters, after those of the proposers.
    /// @param settled Slots that are settled.
    /// @param commits Updates committed to.
    /// @param revealed Mask of the revealed updates, without duplicates.
    /// @param duplicates Mask of the updates that were known before.
    /// @param accepted Mask: more than half of the voting stake accepts, and fewer than two thirds say harmful.
    /// @param approved Mask: at least two thirds of the voting stake accept.
    /// @param harmful Mask: at least two thirds of the voting stake say harmful.
    /// @param refused Mask of the revealed updates: at least two thirds of the voting stake do not accept.
    /// @param ballots Bit j is set once the j-th voter has revealed.
    /// @param tallied Whether the ballots were counted.
    /// @param concluded Whether it is known who is paid and who is slashed.
    /// @param counted Whether the quorum was reached: it is paid, and one of the paid rounds.
    /// @param modelDigest Of the model that it ended with; 0 while none.
    /// @param votingStake Stake of all who revealed a ballot, token wei.
    /// @param goodStake Stake of all who are paid, token wei.
    /// @param pot What they are paid in sum, before rounding, token wei.
    /// @param emission What the round earned by schedule, from its draw until it was concluded, token wei.
    struct Round {
        uint64 seedTicket;
        uint64 drawnAt;
        uint32 memberCount;
        uint8 proposerCount;
        uint8 voterCount;
        uint8 settled;
        uint8 commits;
        uint32 revealed;
        uint32 duplicates;
        uint32 accepted;
        uint32 approved;
        uint32 harmful;
        uint32 refused;
        uint64 ballots;
        bool tallied;
        bool concluded;
        bool counted;
        bytes32 seed;
        bytes32 modelDigest;
        uint128 votingStake;
        uint128 goodStake;
        uint128 pot;
        uint128 emission;
    }

    /// @notice When the phases of a drawn round end, timestamps.
    struct Deadlines {
        uint64 commitEnds;
        uint64 revealEnds;
        uint64 voteEnds;
        uint64 ballotEnds;
        uint64 attestEnds;
    }

    /* EVENTS */

    event FederationCreated(
        uint256 indexed federationId,
        address indexed creator,
        bytes32 indexed specDigest,
        Parameters parameters
    );
    event FederationFunded(uint256 indexed federationId, address indexed funder, uint256 assets);
    event MemberInvited(uint256 indexed federationId, address indexed member, bool invited);
    event MemberJoined(
        uint256 indexed federationId,
        address indexed member,
        uint256 number,
        uint256 stake,
        DataCommitment data
    );
    event DataCommitted(uint256 indexed federationId, address indexed member, DataCommitment data);
    event StakeAdded(uint256 indexed federationId, address indexed member, uint256 assets);
    /// @notice The member cannot be drawn any more.
    /// @dev reason: "left" or "evicted" (its stake fell below the floor) as left-aligned ASCII.
    event MemberRemoved(uint256 indexed federationId, address indexed member, bytes32 reason);
    /// @notice The rest of its stake was unlocked.
    event MemberReleased(uint256 indexed federationId, address indexed member, uint256 unlocked);
    event RoundStarted(uint256 indexed federationId, uint256 indexed round, uint256 seedTicket, uint256 memberCount);
    /// @notice The old ticket expired before anyone drew.
    event RoundSeedRequested(uint256 indexed federationId, uint256 indexed round, uint256 seedTicket);
    event RoundDrawn(
        uint256 indexed federationId,
        uint256 indexed round,
        bytes32 seed,
        address[] proposers,
        address[] voters,
        Deadlines deadlines
    );
    event UpdateCommitted(
        uint256 indexed federationId,
        uint256 indexed round,
        address indexed proposer,
        bytes32 commitment
    );
    event UpdateRevealed(uint256 indexed federationId, uint256 indexed round, address indexed proposer, bytes32 digest);
    /// @notice Its update was known from an earlier round, or was committed to earlier in this one.
    event UpdateDuplicated(uint256 indexed federationId, uint256 indexed round, address indexed proposer);
    event BallotCommitted(
        uint256 indexed federationId,
        uint256 indexed round,
        address indexed voter,
        bytes32 commitment
    );
    event BallotRevealed(
        uint256 indexed federationId,
        uint256 indexed round,
        address indexed voter,
        uint256 accepts,
        uint256 harms
    );
    event RoundTallied(
        uint256 indexed federationId,
        uint256 indexed round,
        uint256 votingStake,
        uint256 accepted,
        uint256 approved,
        uint256 harmful,
        uint256 refused
    );
    event ModelAttested(uint256 indexed federationId, uint256 indexed round, address indexed voter, bytes32 digest);
    event ModelFinalized(uint256 indexed federationId, uint256 indexed round, bytes32 digest);
    event RoundConcluded(
        uint256 indexed federationId,
        uint256 indexed round,
        bool counted,
        uint256 pot,
        uint256 goodStake,
        uint256 emission
    );
    event MemberRewarded(uint256 indexed federationId, uint256 indexed round, address indexed member, uint256 assets);
    /// @dev reason: "silent", "harmful", "contrary" (a voter against the verdicts) or "forged" (attested to another
    ///      model) as left-aligned ASCII.
    event MemberSlashed(
        uint256 indexed federationId,
        uint256 indexed round,
        address indexed member,
        uint256 assets,
        bytes32 reason
    );
    event RoundSettlerPaid(
        uint256 indexed federationId,
        uint256 indexed round,
        address indexed settler,
        uint256 assets
    );
    event RoundClosed(uint256 indexed federationId, uint256 indexed round, uint256 pool, uint256 roundsLeft);
    event MemberClaimed(uint256 indexed federationId, address indexed member, uint256 assets);
    event FederationEnded(uint256 indexed federationId, address indexed creator, uint256 assets);

    /* ERRORS */

    error ZeroAddress();
    error ZeroAmount();
    error UnknownFederation(uint256 federationId);
    error UnknownMember(uint256 federationId, address account);
    error WrongPhase(uint256 federationId, Phase actual);
    error Unauthorized(address caller);
    /// @param parameter The name of the parameter out of range, as left-aligned ASCII.
    error InvalidParameter(bytes32 parameter);
    error NotInvited(uint256 federationId, address account);
    error AlreadyJoined(uint256 federationId, address account);
    error FederationFull(uint256 federationId);
    error InsufficientStake(uint256 required, uint256 actual);
    error ExcessiveStake(uint256 allowed, uint256 actual);
    /// @dev The member has a role in a round that is not settled.
    error MemberBusy(uint256 federationId, address account, uint256 round);
    error TooFewMembers(uint256 required, uint256 actual);
    error StillResting(uint256 until);
    error SeedStillValid(uint256 seedTicket);
    error NotProposer(uint256 federationId, uint256 round, address account);
    error NotVoter(uint256 federationId, uint256 round, address account);
    error AlreadyCommitted(uint256 federationId, uint256 round, address account);
    error AlreadyRevealed(uint256 federationId, uint256 round, address account);
    error AlreadyAttested(uint256 federationId, uint256 round, address account);
    error CommitmentMismatch(bytes32 expected, bytes32 actual);
    /// @dev A mask holds what is no revealed update, or both masks the same one.
    error InvalidBallot(uint256 accepts, uint256 harms);

    /* CREATORS */

    /// @notice Founds a federation; takes the bounty from the caller.
    function createFederation(Parameters calldata parameters) external returns (uint256 federationId);

    /// @notice Adds to the reward pool. Anyone may.
    function fundFederation(uint256 federationId, uint256 assets) external;

    /// @notice Lets an account join, or no longer. Only the creator; who is in stays in.
    function invite(uint256 federationId, address account, bool allowed) external;

    /// @notice Ends a federation: the rest of the pool goes to its creator. Anyone may once all rounds are paid; the
    ///         creator also when no round has started for IDLE_WINDOW after it could.
    function endFederation(uint256 federationId) external returns (uint256 assets);

    /* MEMBERS */

    /// @notice Locks `stake` of the caller's pool and joins. It can be drawn from the next round on.
    function join(uint256 federationId, uint256 stake, DataCommitment calldata data) external returns (uint256 number);

    /// @notice Commits to other data, say more rows.
    function commitData(uint256 federationId, DataCommitment calldata data) external;

    /// @notice Locks more of the caller's pool. Not while it has a role, nor between the start of a round and its draw:
    ///         stakes are fixed before the seed is.
    function addStake(uint256 federationId, uint256 assets) external;

    /// @notice Never be drawn again. The stake is unlocked at once, or by the settlement of the role that the caller
    ///         has; what waits to be claimed is paid with it. Not between the start of a round and its draw, which
    ///         would change the draw.
    function leave(uint256 federationId) external;

    /// @notice Pays what a member has earned into its pool in the ledger. Anyone may.
    function claim(uint256 federationId, address account) external returns (uint256 assets);

    /* ROUNDS */

    /// @notice Starts a round. Anyone may, when the rest is over and there are enough members.
    function startRound(uint256 federationId) external returns (uint256 round);

    /// @notice Draws who proposes and who votes, every member alike likely. Anyone may, once the seed is decided.
    function drawRound(uint256 federationId) external;

    /// @notice Asks for a new seed when the ticket expired before anyone drew. From SEED_PATIENCE after its start on it
    ///         gives the round up instead: the federation rests for as long, and for its rest, and everybody can leave.
    function renewRoundSeed(uint256 federationId) external;

    /// @notice Commits to an update.
    /// @param commitment updateCommitment(...) of the caller.
    function commitUpdate(uint256 federationId, bytes32 commitment) external;

    /// @notice Names the committed update. The earliest commit to a digest counts, whoever reveals first.
    function revealUpdate(uint256 federationId, bytes32 digest, bytes32 salt) external;

    /// @notice Commits to a ballot.
    /// @param commitment ballotCommitment(...) of the caller.
    function commitBallot(uint256 federationId, bytes32 commitment) external;

    /// @notice Says which updates the caller accepts and which it found harmful; it rejects the others.
    function revealBallot(uint256 federationId, uint256 accepts, uint256 harms, bytes32 salt) external;

    /// @notice Counts the ballots. Anyone may, once the time to reveal them is over.
    function tally(uint256 federationId) external;

    /// @notice Says what the accepted updates aggregate to; counts the ballots if nobody has. More than two thirds of
    ///         the voting stake make it the federation's model.
    /// @dev The aggregation is exact: whoever says something else than that majority is slashed.
    function attest(uint256 federationId, bytes32 modelDigest) external;

    /// @notice Settles the next `limit` slots of the round, after all that must come before. The caller gets a tenth of
    ///         the slashes in them.
    function settleRound(uint256 federationId, uint256 limit) external;

    /* VIEWS */

    /// @notice The stake ledger.
    function STAKING() external view returns (address);
    /// @notice The ERC-20 of stakes and rewards.
    function TOKEN() external view returns (address);
    /// @notice The source of seeds.
    function RANDOMNESS() external view returns (address);
    /// @notice The emission ledger; zero if federations earn no emission.
    function EMISSIONS() external view returns (address);
    function federationCount() external view returns (uint256);
    function federation(uint256 federationId) external view returns (Federation memory);
    function phase(uint256 federationId) external view returns (Phase);
    function isInvited(uint256 federationId, address account) external view returns (bool);
    /// @notice All zero for an account that never joined.
    function member(uint256 federationId, address account) external view returns (Member memory);
    function memberAt(uint256 federationId, uint256 number) external view returns (address);
    function round(uint256 federationId, uint256 roundId) external view returns (Round memory);
    /// @notice All zero before the draw.
    function deadlines(uint256 federationId, uint256 roundId) external view returns (Deadlines memory);
    /// @notice Proposers in slot order, then voters.
    function roles(uint256 federationId, uint256 roundId) external view returns (address[] memory accounts);
    /// @notice What the member of a slot committed to, and the digest that it revealed (a voter: attested to).
    function entry(
        uint256 federationId,
        uint256 roundId,
        uint256 slot
    ) external view returns (bytes32 commitment, bytes32 digest);
    /// @notice A voter's ballot; 0 before its reveal.
    function ballot(
        uint256 federationId,
        uint256 roundId,
        uint256 slot
    ) external view returns (uint256 accepts, uint256 harms);
    function updateCommitment(
        uint256 federationId,
        uint256 roundId,
        address proposer,
        bytes32 digest,
        bytes32 salt
    ) external view returns (bytes32);
    function ballotCommitment(
        uint256 federationId,
        uint256 roundId,
        address voter,
        uint256 accepts,
        uint256 harms,
        bytes32 salt
    ) external view returns (bytes32);
}
