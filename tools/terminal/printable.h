// Text from outside made safe to show on a terminal.
#pragma once

#include "verify/report/printable.h"

namespace verdigris::tools {

using verify::Printable;

}  // namespace verdigris::tools
