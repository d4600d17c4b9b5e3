// Every cadence and grace of the daemon, by name (decisions 40). Anything else waits for a signal.

export const TIMERS = {
  /** Deadline of a call to the child (decisions 13). */
  callDeadlineMs: 25_000,
  /** `command/exec` gets its own timeoutMs plus this. */
  execSlackMs: 5_000,
  /** OAuth, login and feedback calls wait for people and uploads. */
  slowCallDeadlineMs: 120_000,
  /** What many clients ask for at once (models, skills) is asked of the child once in this time. */
  sharedAnswerMs: 2_000,
  /** From spawn to the answer of `initialize`. */
  startDeadlineMs: 20_000,
  /** From TERM to KILL of the child's group. */
  killGraceMs: 2_000,
  /** A broken child is probed once in this time. */
  brokenProbeMs: 60_000,
  /** After a start without an answer: how long a sign of its turn is waited for once the child answers again. */
  doubtMs: 2_000,
  /** Heartbeat comment on server-sent events. */
  sseHeartbeatMs: 15_000,
  /** A reader of server-sent events whose answer has ended takes what is left within this, or loses its connection. */
  ssePartingMs: 10_000,
  /** The log's retention runs this often. */
  retentionMs: 60_000,
  /** Turns that have grown too old are looked for this often, where the operator asks for it. */
  agingMs: 3_600_000,
  /** The newest threads of the child are looked at this often: what is made elsewhere is told to nobody. */
  glanceMs: 60_000,
  /** A request that is due and could not be answered is tried again after this. */
  deadlineRetryMs: 5_000,
  /** On a full disk: that an answer came back unwritten is stored again after this, and an accept carried over again. */
  returnRetryMs: 5_000,
  /** Nothing is waited for longer at a time: a timer's milliseconds have 31 bits. */
  longestTimerMs: 86_400_000,
  /** A complaint about the child's unreadable lines is logged at most this often. */
  badLineComplaintMs: 60_000,
  /** A host of extensions looks at its memory this often while one of them runs, else every so many times. */
  hostGlanceMs: 250,
  hostIdleGlances: 20,
  /** Extensions get credit for lines of log this often. */
  hostCreditMs: 1_000,
  /** While handlers run their host is asked for a sign of life this often, and is killed after this long without one. */
  hostPingMs: 500,
  hostSilenceMs: 2_500,
  /** Schedules are looked at at least this often: the wall clock can be set. */
  scheduleGlanceMs: 30_000,
  /** The queue looks by itself this often, should a wake-up be lost. */
  queuePollMs: 1_000,
  /** Beyond the grace of a job that is stopped, for its end to be stored. */
  queueStopSlackMs: 500,
  /** Last uses of tokens are written, and those that are over end, this often. */
  tokenSweepMs: 60_000,
  /** A body that is not all there after this long is refused, however busily it drips. */
  bodyDeadlineMs: 60_000,
  /** The longest that the answer to a wrong token is held back. */
  wrongTokenWaitMs: 1_000,
  /** A transcript's entry may come so much later than the frame that tells of the same. */
  followMs: 2,
  /** The child gets so long to read an answer before what follows from it is stored. */
  readingMs: 1,
  /** Nothing was stored for so long: the journal is copied into the database. */
  quietMs: 250,
  /** The memory of daemon and child is looked at this often, and whether the child is idle. */
  boundsMs: 15_000,
} as const
