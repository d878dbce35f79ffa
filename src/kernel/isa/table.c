#include "kernel/isa/level.h"

const struct kernels ISA(kernels) = {.lanes = V_LANES,
                                     .strip_columns = (size_t)STRIP_VECTORS * V_LANES,
                                     .strip_rows = STRIP_ROWS,
#define K(name, arguments) .name = ISA(name),
                                     KERNEL_LIST(K)
#undef K
};
