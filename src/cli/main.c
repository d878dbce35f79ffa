#include <stdio.h>

int main(void) {
    puts("qatop 0.1.0");
    return 0;
}
