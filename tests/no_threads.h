// A process that gets no more threads, as at the limit of a container.
#pragma once

#include <pthread.h>

#include <cstdint>

#include <doctest/doctest.h>

namespace verdigris::testing {

// While it lives none can be started: no address space holds the stack. Elsewhere than with glibc the limit cannot be set.
class NoThreads {
#ifdef __GLIBC__

 public:
  static constexpr bool kHolds = true;
  NoThreads() {
    pthread_attr_t huge;
    REQUIRE(::pthread_getattr_default_np(&before_) == 0);
    REQUIRE(::pthread_attr_init(&huge) == 0);
    REQUIRE(::pthread_attr_setstacksize(&huge, SIZE_MAX / 4) == 0);
    REQUIRE(::pthread_setattr_default_np(&huge) == 0);
    ::pthread_attr_destroy(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
#else

 public:
  static constexpr bool kHolds = false;
#endif
};

}  // namespace verdigris::testing
