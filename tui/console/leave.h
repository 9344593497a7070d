/* What an embedded engine is told when the console closes. */
#pragma once

enum leave {
    LEAVE_STOP,      /* stop at a safe point and give the leases back: also what a lost terminal does */
    LEAVE_HAND_OVER, /* the same, and say which engine went on */
    LEAVE_KEEP,      /* the engine goes on in this process, without the screen */
};
