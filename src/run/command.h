/* command: a request to a run while it trains; see run_send. */
#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

enum command_kind {
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_STEP,         /* one batch, then paused */
    COMMAND_STOP_EPOCH,   /* at the end of this epoch; keep the weights */
    COMMAND_STOP_NOW,     /* after this batch; keep the weights */
    COMMAND_STOP_RESTORE, /* now; go back to the best epoch's weights */
    COMMAND_TRAIN_ON,     /* after STATE_DONE: `number` more epochs */
    COMMAND_EXPORT,       /* freeze, write, verify; training continues */
    COMMAND_EVALUATE,     /* on all test digits, now */
    COMMAND_CHECKPOINT,
    COMMAND_LEARNING_RATE, /* number */
    COMMAND_PACE,          /* number */
};
struct command {
    enum command_kind kind;
    double number;
};

#endif
