// How much documents share their tuples: the reason why one key's false-positive rate on a corpus strays from the nominal
// one (statistics.md 9.2), and which tuples to drop so that it does not. No key enters.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/sample.h"  // Fingerprint
#include "watermark/context.h"
#include "watermark/prf.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// Of D documents: rho = sum c(c-1) / ((D-1) sum of sizes), c the number of documents that have a tuple, a size the number of
// a document's distinct tuples. Integers, so disjoint parts of the tuples add.
struct Overlap {
  uint64_t documents = 0;
  uint64_t pairs = 0;  // sum c(c-1)
  uint64_t sizes = 0;  // sum c

  double rho() const;
};

// Number of tuples by the number of documents that have them: all that overlap and stop tuples depend on.
using Spectrum = std::map<uint64_t, uint64_t>;

Overlap OverlapOf(const Spectrum& spectrum, uint64_t documents);

// The false-positive rate, at nominal alpha, of a key that lies q standard deviations out: 1 - Phi((z - q sqrt(rho)) /
// sqrt(1 - rho)). By the normal law: a description of keys, never a p. 0 <= rho < 1.
double RateOfKey(double rho, double alpha, double q);
// Between 5 and 95 % of keys: q = -1.645 and 1.645.
inline constexpr double kKeyQuantile = 1.6448536269514722;

// The greatest b such that rho is at most `most` once tuples met in more than b documents are dropped; none where nothing
// needs to be. Chosen without a key.
inline constexpr double kMostOverlap = 0.01;
std::optional<uint64_t> StopBound(const Spectrum& spectrum, uint64_t documents, double most = kMostOverlap);
// What is left then.
Overlap OverlapUpTo(const Spectrum& spectrum, uint64_t documents, uint64_t bound);

// What stop lists know tuples by: CMAC(tagged("stop-list", ""), M || u32be(id)). No key enters. Immutable; any number of threads.
class StopFingerprinter {
 public:
  static Result<StopFingerprinter> Create();
  // Of tuples (windows[i], ids[i]), windows of h ids.
  void Of(const uint32_t* const* windows, const uint32_t* ids, size_t h, size_t count, Fingerprint* out) const;

 private:
  explicit StopFingerprinter(WindowMac mac) : mac_(std::move(mac)) {}
  WindowMac mac_;
};

// Tuples that are left out of every test, by an unkeyed fingerprint (corpus.md C14). Immutable.
class StopList {
 public:
  // Of tuples by their fingerprints, in any order, each once.
  static Result<StopList> Of(std::vector<Fingerprint> fingerprints, const Profile& profile);
  // Reads a file's bytes. Errors: kMalformed, kMismatch where it was made for another tokenizer or window.
  static Result<StopList> Parse(std::string_view bytes, const Profile& profile);

  size_t size() const { return fingerprints_.size(); }
  const std::string& bytes() const { return bytes_; }
  Digest digest() const;  // SHA-256 of the file

  // Turns eligible positions whose tuple is listed into kSpecial ones, which no test scores.
  void Drop(std::span<const uint32_t> ids, std::vector<PositionState>& states) const;

 private:
  StopList(StopFingerprinter fingerprinter, size_t h) : fingerprinter_(std::move(fingerprinter)), h_(h) {}
  static Result<StopList> Empty(const Profile& profile);

  StopFingerprinter fingerprinter_;
  size_t h_;
  std::vector<Fingerprint> fingerprints_;  // ascending
  std::string bytes_;
};

}  // namespace verdigris::verify
