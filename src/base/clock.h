/* Time of the operating system. Hosts and tools read it; actors get time as input. Any thread. */
#ifndef BC_BASE_CLOCK_H
#define BC_BASE_CLOCK_H

#include <stdint.h>

int64_t bc_clock_wall_ms(void); /* since 1970, UTC; may jump */
int64_t bc_clock_wall_us(void);
int64_t bc_clock_mono_us(void); /* since some start; never goes back */
static inline int64_t bc_clock_mono_ms(void)
{
    return bc_clock_mono_us() / 1000;
}

#endif
