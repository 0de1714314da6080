// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Competitive training
/// @notice The life of a training task: trainers commit to models and reveal them, the creator's held-out set is
///         opened, drawn panels of validators score, the best are paid and cheats lose stake.
/// @dev Every phase has a deadline and every transition can be called by anyone. Nothing loops over an unbounded set:
///      a panel has at most 32 validators, at most 64 submissions are ranked, all else is per submission or per caller.
///      Scores are signed integers, value × 1e9. Stakes, bounties and bonds are in the token of the stake ledger.
interface IArena {
    /* STRUCTS */

    /// @notice Where a task stands; a function of its record and the time.
    /// @dev Commit → Reveal → Key → ScoreCommit → ScoreReveal → Challenge → Settle → Finalized; further attempts repeat
    ///      the middle part. Abandoned: too few joined, it can be finalized at once. Void: the key did not come in
    ///      time, it is settled without scores.
    enum Phase {
        None,
        Commit,
        Abandoned,
        Reveal,
        Key,
        Void,
        ScoreCommit,
        ScoreReveal,
        Challenge,
        Settle,
        Finalized,
        Cancelled
    }

    /// @notice Where a submission stands.
    /// @dev Unscored: too few of its panel revealed, or not more than half of their stake agreed; a re-draw may follow.
    ///      Duplicate: an earlier commit has its digest. Unopenable: its panel says that the released key does not open
    ///      the held-out set. Copied: its panel says that it is nearly an earlier commit; it is not ranked. Canary: the
    ///      creator had committed to its score; it takes no part.
    enum SubmissionState {
        None,
        Committed,
        Revealed,
        Duplicate,
        Unrevealed,
        Scored,
        Invalid,
        Unavailable,
        Unscored,
        Unopenable,
        Copied,
        Canary
    }

    /// @notice What a creator fixes for good.
    /// @param specDigest Digest of the task specification's manifest.
    /// @param heldOutDigest Digest of the manifest of the encrypted held-out set.
    /// @param keyHash keccak256 of the 32-byte key that opens it.
    /// @param bounty Paid to trainers and validators, token wei.
    /// @param bond The creator's own; lost when the key is late or does not open the set, or a larger panel contradicts
    ///        what was told of a canary, token wei.
    /// @param minTrainerStake Least stake of a submission, token wei.
    /// @param minValidatorStake Least stake of a validator, token wei.
    /// @param commitWindow Seconds for joining and committing, from creation.
    /// @param revealWindow Seconds for revealing models.
    /// @param keyWindow Seconds for releasing the key.
    /// @param scoreCommitWindow Seconds for committing scores, from the key's release (or the re-draw).
    /// @param scoreRevealWindow Seconds for revealing scores.
    /// @param challengeWindow Seconds after the scores in which results can be appealed; 0 for no appeals.
    /// @param scale Score difference that counts as 1 when validators are weighted (1e9 for an accuracy).
    /// @param tolerance Largest distance from the consensus that is rewarded.
    /// @param slashTolerance Largest distance that is not slashed and counts as agreement with the consensus; between
    ///        the two tolerances lies the grey zone.
    /// @param grid Scores are floored to multiples of it before they are ranked; ties go to the earlier commit.
    /// @param panelSize Validators drawn per submission, 1 to 32.
    /// @param quorum Scores that must be revealed for a submission to be scored, 1 to panelSize.
    /// @param paidRanks How many ranks are paid, 1 to 64.
    /// @param appealPanelSize Validators drawn for an appealed submission, above panelSize and at most 32; 0 without
    ///        appeals.
    /// @param maximise Whether a higher score is better.
    /// @param maxShare The most that counts of one operator's stake, as a share of all stake on its side of the task,
    ///        WAD, 1/64 to 1: what it has beyond draws no panels and has no weight. It is slashed all the same.
    /// @param appealBond What an appeal costs if it is lost, token wei, at most the creator's bond; 0 without appeals.
    /// @param canaryRoot Merkle root over the canaries, see revealCanary; 0 for none. Needs appeals.
    struct TaskParameters {
        bytes32 specDigest;
        bytes32 heldOutDigest;
        bytes32 keyHash;
        uint128 bounty;
        uint128 bond;
        uint128 minTrainerStake;
        uint128 minValidatorStake;
        uint32 commitWindow;
        uint32 revealWindow;
        uint32 keyWindow;
        uint32 scoreCommitWindow;
        uint32 scoreRevealWindow;
        uint32 challengeWindow;
        uint64 scale;
        uint64 tolerance;
        uint64 slashTolerance;
        uint64 grid;
        uint8 panelSize;
        uint8 quorum;
        uint8 paidRanks;
        uint8 appealPanelSize;
        bool maximise;
        uint64 maxShare;
        uint128 appealBond;
        bytes32 canaryRoot;
    }

    /// @notice The record of a task.
    /// @param parameters As created; `bounty` grows with fundTask, `bond` goes where a canary's score was a lie.
    /// @param trainerStake Stake of all submissions, token wei.
    /// @param validatorStake Stake of all validators, token wei.
    /// @param revealedStake Stake of the revealed submissions that are not duplicates, copies or canaries, token wei.
    /// @param slashed What slashes and lost appeals brought to the task, less what settlers and appellants got of them,
    ///        token wei.
    /// @param settlerPaid What the callers of settle got: a tenth of what was slashed from others, token wei.
    /// @param trainerPot, validatorPot, creatorPot What the three sides can claim; set by finalize, token wei.
    /// @param emission What the task earned by schedule, from the key's release until it was finalized, token wei.
    /// @param trainerWeight, validatorWeight Weights by which the first two are shared.
    /// @param seedTicket Ticket of the attempt's draw; 0 before the key is released.
    /// @param revealedCount Revealed submissions that are not duplicates or canaries.
    /// @param pending Submissions for which settle is still to be called: the unrevealed and the duplicates; with the
    ///        key's release also those that are to be scored.
    /// @param unscored Submissions on which their panels came to no consensus: in the first attempt, or for good.
    /// @param unopenable Submissions whose panel says that the key opens nothing.
    /// @param appealed Submissions of this attempt that wait for the larger panels of the next.
    /// @param attempt Evaluation attempt, from 1, at most 3; a re-draw opens the next; 0 before the key is released.
    /// @param challengeEnds Until then results of the attempt can be appealed; scoreRevealEnds if none can be.
    /// @param sharedByStake The pots are shared by stake, since there was nothing to rank: the trainers' among those
    ///        who revealed and are no duplicates, the validators' among all.
    /// @param patienceEnds Until then the attempt can ask for new seeds; without one it is settled without scores then.
    struct Task {
        TaskParameters parameters;
        address creator;
        uint64 commitEnds;
        uint64 revealEnds;
        uint64 keyEnds;
        uint64 scoreCommitEnds;
        uint64 scoreRevealEnds;
        bytes32 key;
        bytes32 revealsHash;
        bytes32 seed;
        uint128 trainerStake;
        uint128 validatorStake;
        uint128 revealedStake;
        uint128 slashed;
        uint128 trainerPot;
        uint128 validatorPot;
        uint128 creatorPot;
        uint128 settlerPaid;
        uint128 emission;
        uint256 trainerWeight;
        uint256 validatorWeight;
        uint64 seedTicket;
        uint32 submissionCount;
        uint32 validatorCount;
        uint32 revealedCount;
        uint32 pending;
        uint32 unscored;
        uint32 unopenable;
        uint32 appealed;
        uint64 challengeEnds;
        uint8 attempt;
        bool finalized;
        bool cancelled;
        bool sharedByStake;
        bool creatorClaimed;
        uint64 patienceEnds;
    }

    /// @notice The record of a submission; ids count from 1 within a task, in the order of the commits.
    /// @param settledAttempt The attempt in which it was settled last; 1 for an unrevealed or duplicate one.
    /// @param score The consensus once scored, value × 1e9.
    /// @param weight Its share of the trainer pot, against Task.trainerWeight, if it is ranked; set by finalize.
    struct Submission {
        address trainer;
        SubmissionState state;
        uint8 settledAttempt;
        bool claimed;
        int64 score;
        uint128 stake;
        uint128 slashed;
        bytes32 commitment;
        bytes32 digest;
        uint256 weight;
    }

    /// @notice The record of a validator of a task; indices count from 1 in the order of registration.
    /// @param weight Its share of the validator pot, against Task.validatorWeight; grows with every settlement.
    struct Validator {
        uint32 index;
        bool claimed;
        uint128 stake;
        uint128 slashed;
        uint256 weight;
    }

    /// @notice One revealed score.
    /// @param slot The validator's place in the submission's panel.
    /// @param score Value × 1e9, or one of the three verdicts INVALID, UNAVAILABLE, UNOPENABLE.
    /// @param reportDigest Digest of the evaluation report's manifest.
    /// @param copyOf The earlier submission that this one is nearly equal to, by the task's specification; 0 if none.
    struct ScoreEntry {
        uint32 submissionId;
        uint8 slot;
        int64 score;
        bytes32 reportDigest;
        uint32 copyOf;
    }

    /// @notice An appeal; one for each submission at most.
    /// @param attempt The attempt whose result was appealed.
    struct Appeal {
        address appellant;
        uint8 attempt;
    }

    /// @notice What a creator said of a canary.
    struct Canary {
        bool known;
        int64 score;
    }

    /* EVENTS */

    event TaskCreated(
        uint256 indexed taskId,
        address indexed creator,
        bytes32 indexed specDigest,
        TaskParameters parameters,
        uint256 commitEnds,
        uint256 revealEnds,
        uint256 keyEnds
    );
    event TaskFunded(uint256 indexed taskId, address indexed funder, uint256 assets);
    event TaskCancelled(uint256 indexed taskId, address indexed creator);
    event ValidatorRegistered(uint256 indexed taskId, address indexed validator, uint256 validatorIndex, uint256 stake);
    event SubmissionCommitted(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed trainer,
        uint256 stake,
        bytes32 commitment
    );
    event SubmissionRevealed(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed trainer,
        bytes32 digest
    );
    /// @notice `submissionId` has the digest of `originalId`, which was committed earlier.
    event SubmissionDuplicated(uint256 indexed taskId, uint256 indexed submissionId, uint256 indexed originalId);
    event KeyReleased(
        uint256 indexed taskId,
        address indexed sender,
        bytes32 key,
        uint256 seedTicket,
        uint256 scoreCommitEnds,
        uint256 scoreRevealEnds,
        uint256 challengeEnds
    );
    event SeedFixed(uint256 indexed taskId, uint256 attempt, bytes32 seed);
    /// @notice Nobody used the old ticket in time; the windows of the attempt start again.
    event SeedRequested(
        uint256 indexed taskId,
        uint256 attempt,
        uint256 seedTicket,
        uint256 scoreCommitEnds,
        uint256 scoreRevealEnds,
        uint256 challengeEnds
    );
    event PanelDrawn(uint256 indexed taskId, uint256 indexed submissionId, uint256 attempt, address[] validators);
    event ScoresCommitted(
        uint256 indexed taskId,
        address indexed validator,
        uint256 attempt,
        uint256 batch,
        bytes32 commitment
    );
    event ScoreRevealed(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed validator,
        uint256 attempt,
        int256 score,
        bytes32 reportDigest,
        uint256 copyOf
    );
    event SubmissionScored(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed trainer,
        int256 score,
        int256 gridScore
    );
    /// @notice Scored, but nearly equal to an earlier commit.
    event SubmissionCopied(uint256 indexed taskId, uint256 indexed submissionId, address indexed trainer, int256 score);
    /// @notice Measured against the score that its creator had committed to.
    event CanarySettled(uint256 indexed taskId, uint256 indexed submissionId, address indexed trainer, int256 score);
    event CanaryRevealed(uint256 indexed taskId, uint256 indexed submissionId, int256 score);
    event SubmissionAppealed(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed appellant,
        uint256 attempt,
        uint256 bond
    );
    /// @notice The larger panel found something else. `assets` is the bond and the reward.
    event AppealUpheld(uint256 indexed taskId, uint256 indexed submissionId, address indexed appellant, uint256 assets);
    /// @notice The larger panel found the same: the bond is the task's.
    event AppealRejected(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed appellant,
        uint256 assets
    );
    /// @notice The larger panel came to no consensus: the bond went back.
    event AppealReturned(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed appellant,
        uint256 assets
    );
    /// @notice The creator lost its bond: a larger panel contradicted what it had said of a canary.
    event CreatorSlashed(uint256 indexed taskId, uint256 indexed submissionId, address indexed creator, uint256 assets);
    event SubmissionUnrevealed(uint256 indexed taskId, uint256 indexed submissionId, address indexed trainer);
    event SubmissionInvalid(uint256 indexed taskId, uint256 indexed submissionId, address indexed trainer);
    event SubmissionUnavailable(uint256 indexed taskId, uint256 indexed submissionId, address indexed trainer);
    event SubmissionUnscored(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed trainer,
        uint256 attempt
    );
    event HeldOutUnopenable(uint256 indexed taskId, uint256 indexed submissionId, address indexed trainer);
    /// @dev reason: "unrevealed", "duplicate", "invalid" or "unavailable" as left-aligned ASCII.
    event TrainerSlashed(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed trainer,
        uint256 assets,
        bytes32 reason
    );
    /// @dev reason: "silent" or "deviating" as left-aligned ASCII.
    event ValidatorSlashed(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed validator,
        uint256 assets,
        bytes32 reason
    );
    /// @param attempt That in which the weighed score was revealed.
    event ValidatorWeighted(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed validator,
        uint256 attempt,
        uint256 weight
    );
    event SettlerPaid(uint256 indexed taskId, uint256 indexed submissionId, address indexed settler, uint256 assets);
    event TaskRedrawn(
        uint256 indexed taskId,
        uint256 attempt,
        uint256 seedTicket,
        uint256 scoreCommitEnds,
        uint256 scoreRevealEnds,
        uint256 challengeEnds
    );
    event SubmissionRanked(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed trainer,
        uint256 rank,
        uint256 weight
    );
    /// @dev outcome: "settled", "failed" (nothing could be scored), "void" (the key was late or opened nothing) or
    ///      "abandoned" (too few joined) as left-aligned ASCII.
    event TaskFinalized(
        uint256 indexed taskId,
        bytes32 outcome,
        uint256 trainerPot,
        uint256 validatorPot,
        uint256 creatorPot,
        uint256 trainerWeight,
        uint256 validatorWeight,
        uint256 emission
    );
    /// @notice A trainer's or validator's reward went to its pool and its stake was unlocked.
    /// @dev submissionId is 0 for a validator.
    event RewardClaimed(
        uint256 indexed taskId,
        uint256 indexed submissionId,
        address indexed operator,
        uint256 reward,
        uint256 unlocked
    );
    event CreatorClaimed(uint256 indexed taskId, address indexed creator, uint256 assets);

    /* ERRORS */

    error ZeroAddress();
    error ZeroAmount();
    error UnknownTask(uint256 taskId);
    error UnknownSubmission(uint256 taskId, uint256 submissionId);
    error UnknownValidator(uint256 taskId, address validator);
    error WrongPhase(uint256 taskId, Phase actual);
    error Unauthorized(address caller);
    /// @param parameter The name of the parameter out of range, as left-aligned ASCII.
    error InvalidParameter(bytes32 parameter);
    error InsufficientStake(uint256 required, uint256 actual);
    error AlreadyJoined(uint256 taskId, address operator);
    error TaskNotEmpty(uint256 taskId);
    error CommitmentMismatch(bytes32 expected, bytes32 actual);
    error AlreadyRevealed(uint256 taskId, uint256 submissionId);
    error WrongKey(bytes32 expectedHash, bytes32 actualHash);
    error SeedStillValid(uint256 seedTicket);
    /// @dev The attempt has waited long enough: its submissions can be settled without a seed.
    error SeedOverdue(uint256 patienceEnds);
    /// @dev The submission was not revealed, is a duplicate, or has its result.
    error SubmissionNotScorable(uint256 taskId, uint256 submissionId);
    error PanelAlreadyDrawn(uint256 taskId, uint256 submissionId);
    error PanelNotDrawn(uint256 taskId, uint256 submissionId);
    error NotOnPanel(uint256 taskId, uint256 submissionId, address validator);
    error AlreadyCommitted(uint256 taskId, address validator, uint256 batch);
    error WrongBatch(uint256 submissionId, uint256 batch);
    error ScoreOutOfRange(int256 score);
    error AlreadySettled(uint256 taskId, uint256 submissionId);
    error SubmissionsPending(uint256 taskId, uint256 pending);
    error RedrawPossible(uint256 taskId);
    error RedrawNotPossible(uint256 taskId);
    error AlreadyClaimed(uint256 taskId, address operator);
    /// @dev No larger panel can be drawn, or the attempt is the last for its submissions.
    error AppealNotPossible(uint256 taskId);
    error AlreadyAppealed(uint256 taskId, uint256 submissionId);
    /// @dev The submission waits for the next attempt.
    error AppealPending(uint256 taskId, uint256 submissionId);
    error WrongCanary(uint256 taskId, uint256 submissionId);
    error WrongOriginal(uint256 submissionId, uint256 copyOf);

    /* CREATORS */

    /// @notice Publishes a task; takes bounty and bond from the caller.
    function createTask(TaskParameters calldata parameters) external returns (uint256 taskId);

    /// @notice Adds to the bounty, until the commit phase ends.
    function fundTask(uint256 taskId, uint256 assets) external;

    /// @notice Takes the task back while nobody has joined it; bounty and bond can be claimed at once.
    /// @dev Gifts by fundTask go to the creator too.
    function cancelTask(uint256 taskId) external;

    /// @notice Opens the held-out set. Anyone who knows the key may call it.
    function releaseKey(uint256 taskId, bytes32 key) external;

    /// @notice Tells the score of a canary, while scores are revealed: its panel is then measured against it. Anyone
    ///         who knows it may call it.
    /// @param salt Makes the leaf unguessable.
    /// @param proof Of the leaf keccak256(keccak256(abi.encode(digest, score, salt))) under the task's canaryRoot.
    /// @dev What the creator says stands unless it is appealed, so it needs an attempt with appeals, and more
    ///      validators than a panel has. Such a submission is not ranked, so that it is all the same whether it is
    ///      a copy.
    function revealCanary(
        uint256 taskId,
        uint256 submissionId,
        int64 score,
        bytes32 salt,
        bytes32[] calldata proof
    ) external;

    /* TRAINERS */

    /// @notice Locks `stake` of the caller's pool and commits to a model.
    /// @param commitment submissionCommitment(...) of the caller.
    function commitSubmission(
        uint256 taskId,
        uint256 stake,
        bytes32 commitment
    ) external returns (uint256 submissionId);

    /// @notice Names the committed model. The earliest commit of a digest counts, whoever reveals first.
    function revealSubmission(uint256 taskId, uint256 submissionId, bytes32 digest, bytes32 salt) external;

    /* VALIDATORS */

    /// @notice Locks `stake` of the caller's pool and joins the set from which panels are drawn. Commit phase only.
    function registerValidator(uint256 taskId, uint256 stake) external returns (uint256 validatorIndex);

    /// @notice Draws the panel of a submission for the current attempt. Anyone may call it, from the score commit phase
    ///         on and as soon as the seed is decided. The first draw fixes the seed, while scores can be committed.
    /// @dev Stake-weighted without replacement; the whole set when there are not more validators than places.
    function drawPanel(uint256 taskId, uint256 submissionId) external;

    /// @notice Asks for a new seed when the ticket expired, or the time to commit scores was over, before any panel was
    ///         drawn; the windows start again. Until patienceEnds.
    function renewSeed(uint256 taskId) external;

    /// @notice Commits to scores of submissions that the caller was drawn for; decides the attempt's seed if nobody
    ///         has.
    /// @dev One commitment per batch. Each submission belongs to exactly one batch, so that nobody can commit to
    ///      several scores of the same submission and reveal the one that fits.
    /// @param batch Batch b holds the submissions with ids from b·BATCH_SIZE + 1 to (b+1)·BATCH_SIZE.
    /// @param commitment scoresCommitment(...) of the caller.
    function commitScores(uint256 taskId, uint256 batch, bytes32 commitment) external;

    /// @notice Reveals a batch of scores. The panels of all its submissions must have been drawn.
    function revealScores(uint256 taskId, uint256 batch, ScoreEntry[] calldata entries, bytes32 salt) external;

    /* ANYONE */

    /// @notice Settles one submission: consensus, validator weights, slashes, place in the ranking. The caller gets a
    ///         tenth of what is slashed, unless it is slashed from the caller itself.
    /// @dev Unrevealed and duplicate submissions can be settled once the reveal phase is over, all others in the settle
    ///      phase once their panel is drawn. When the key came too late only the former two need it. Where the attempt
    ///      has no seed a week after its first deadlines they are unscored.
    function settle(uint256 taskId, uint256 submissionId) external;

    /// @notice Appeals the result that the revealed scores of a submission have, in the challenge phase; takes the
    ///         appeal bond from the caller. The next attempt draws a larger panel, whose median is final.
    function appeal(uint256 taskId, uint256 submissionId) external;

    /// @notice Opens the next attempt: for submissions without a consensus in the first, and for the appealed.
    function redraw(uint256 taskId) external;

    /// @notice Fixes what everybody can claim, once all is settled.
    function finalize(uint256 taskId) external;

    /// @notice Pays a submission's reward into its trainer's pool and unlocks what is left of its stake.
    function claimSubmission(uint256 taskId, uint256 submissionId) external returns (uint256 reward);

    /// @notice Pays a validator's reward into its pool and unlocks what is left of its stake.
    function claimValidator(uint256 taskId, address validator) external returns (uint256 reward);

    /// @notice Pays the creator's part (bond, and bounty that nobody earned) to the creator.
    function claimCreator(uint256 taskId) external returns (uint256 assets);

    /* VIEWS */

    function STAKING() external view returns (address);
    function TOKEN() external view returns (address);
    function RANDOMNESS() external view returns (address);
    /// @notice The emission ledger; zero if tasks earn no emission.
    function EMISSIONS() external view returns (address);
    /// @notice How many submissions share one commitment of scores.
    function BATCH_SIZE() external view returns (uint256);
    function taskCount() external view returns (uint256);
    function task(uint256 taskId) external view returns (Task memory);
    function phase(uint256 taskId) external view returns (Phase);
    function submission(uint256 taskId, uint256 submissionId) external view returns (Submission memory);
    /// @notice The submission of `trainer`, 0 if none.
    function submissionOf(uint256 taskId, address trainer) external view returns (uint256 submissionId);
    function validator(uint256 taskId, address account) external view returns (Validator memory);
    function validatorAt(uint256 taskId, uint256 validatorIndex) external view returns (address);
    /// @notice The panel drawn last, in slot order; empty while a draw is due.
    function panel(uint256 taskId, uint256 submissionId) external view returns (address[] memory);
    /// @notice The panel that drawPanel would draw now; fails as it would.
    function previewPanel(uint256 taskId, uint256 submissionId) external view returns (address[] memory);
    /// @notice Whether the validator of a slot of that panel has revealed, and what; and whether it called it a copy.
    function scoreAt(
        uint256 taskId,
        uint256 submissionId,
        uint256 slot
    ) external view returns (bool revealed, int64 score, bool copied);
    function appealOf(uint256 taskId, uint256 submissionId) external view returns (Appeal memory);
    function canaryOf(uint256 taskId, uint256 submissionId) external view returns (Canary memory);
    function scoresCommitmentOf(
        uint256 taskId,
        uint256 attempt,
        address account,
        uint256 batch
    ) external view returns (bytes32);
    /// @notice Submission ids from the best rank on, at most paidRanks; grows as submissions are settled.
    function ranking(uint256 taskId) external view returns (uint256[] memory submissionIds);
    /// @notice keccak256(abi.encode(chainid, arena, taskId, attempt = 1, trainer, digest, salt)).
    function submissionCommitment(
        uint256 taskId,
        address trainer,
        bytes32 digest,
        bytes32 salt
    ) external view returns (bytes32);
    /// @notice keccak256(abi.encode(chainid, arena, taskId, attempt, validator, batch, scores, salt)), with
    ///         scores = keccak256(abi.encode(entries)).
    function scoresCommitment(
        uint256 taskId,
        uint256 attempt,
        address account,
        uint256 batch,
        ScoreEntry[] calldata entries,
        bytes32 salt
    ) external view returns (bytes32);
    /// @notice What a submission (or, with submissionId 0, the validator `account`) can still claim, token wei; 0
    ///         before the task is finalized.
    function claimable(uint256 taskId, uint256 submissionId, address account) external view returns (uint256);
}
