#include "verify/utc_time.h"

#include <doctest/doctest.h>

#include "watermark/key_file.h"

using namespace verdigris;
using namespace verdigris::verify;

TEST_CASE("times are whole seconds of UTC, in one form") {
  // date -u -d @SECONDS
  CHECK(SecondsOfUtc("1970-01-01T00:00:00Z") == 0);
  CHECK(SecondsOfUtc("2028-02-29T23:59:59Z") == 1835481599);
  for (const char* other : {"", "2028-02-29T23:59:59", "2028-02-29T23:59:59Z ", " 2028-02-29T23:59:59Z", "2028-2-29T23:59:59Z", "2027-02-29T23:59:59Z"}) {
    CAPTURE(other);
    CHECK_FALSE(SecondsOfUtc(other));
  }
  CHECK(IsUtcTime(UtcNow()));
  CHECK(SecondsOfUtc(UtcNow()).value_or(0) > 1760000000);
}
