// A small pool of reusable objects (cipher contexts, row buffers) that never waits: a thread takes a free one, or makes
// a new one where all are taken; what does not fit back is freed. No lock, so it is safe after fork, and no
// thread-local state, so a library can be unloaded and a marker freed while threads live on.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace verdigris {

template <class T>
class Pool {
 public:
  class Lease {
   public:
    Lease(const Pool* pool, std::unique_ptr<T> item) : pool_(pool), item_(std::move(item)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (item_) pool_->Return(std::move(item_));
    }
    T& operator*() const { return *item_; }
    T* operator->() const { return item_.get(); }

   private:
    const Pool* pool_;
    std::unique_ptr<T> item_;
  };

  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (auto& slot : slots_) delete slot.load(std::memory_order_acquire);
  }

  // `make` gives a new T where none is free; it may throw std::bad_alloc.
  template <class Make>
  Lease Acquire(Make&& make) const {
    for (auto& slot : slots_) {
      if (slot.load(std::memory_order_relaxed) == nullptr) continue;
      if (T* item = slot.exchange(nullptr, std::memory_order_acq_rel)) return Lease(this, std::unique_ptr<T>(item));
    }
    return Lease(this, make());
  }

  // Visits every idle object. Precondition: no other thread uses the pool meanwhile.
  template <class Visit>
  void ForEachIdle(Visit&& visit) {
    for (auto& slot : slots_) {
      if (T* item = slot.load(std::memory_order_acquire)) visit(*item);
    }
  }

 private:
  // More threads than slots are served as well; the surplus objects are then made and freed each time.
  static constexpr size_t kSlots = 64;

  void Return(std::unique_ptr<T> item) const {
    for (auto& slot : slots_) {
      T* expected = nullptr;
      if (slot.load(std::memory_order_relaxed) != nullptr) continue;
      if (slot.compare_exchange_strong(expected, item.get(), std::memory_order_acq_rel)) {
        static_cast<void>(item.release());  // the slot owns it now
        return;
      }
    }
  }

  mutable std::array<std::atomic<T*>, kSlots> slots_{};
};

}  // namespace verdigris
