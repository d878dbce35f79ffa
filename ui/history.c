#include "ui/history.h"
