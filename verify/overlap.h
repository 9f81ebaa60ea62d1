// How much documents share their tuples: the reason why one key's false-positive rate on a corpus strays from the nominal
// one (statistics.md 9.2), and which tuples to drop so that it does not. No key enters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/evidence.h"
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

// `evidence`: rows whose occurrences() are the number of documents that have the tuple.
Overlap OverlapOf(const Evidence& evidence, uint64_t documents);

// The false-positive rate, at nominal alpha, of a key that lies q standard deviations out: 1 - Phi((z - q sqrt(rho)) /
// sqrt(1 - rho)). By the normal law: a description of keys, never a p. 0 <= rho < 1.
double RateOfKey(double rho, double alpha, double q);
// Between 5 and 95 % of keys: q = -1.645 and 1.645.
inline constexpr double kKeyQuantile = 1.6448536269514722;

// The greatest b such that rho is at most `most` once tuples met in more than b documents are dropped; none where nothing
// needs to be. Chosen without a key.
std::optional<uint64_t> StopBound(const Evidence& evidence, uint64_t documents, double most = 0.01);
// What is left then.
Overlap OverlapUpTo(const Evidence& evidence, uint64_t documents, uint64_t bound);

// Tuples that are left out of every test, by an unkeyed fingerprint (corpus.md C14). Immutable.
class StopList {
 public:
  // The tuples met in more than `bound` documents.
  static Result<StopList> Make(const Evidence& evidence, uint64_t bound, const Profile& profile);
  // Reads a file's bytes. Errors: kMalformed, kMismatch where it was made for another tokenizer or window.
  static Result<StopList> Parse(std::string_view bytes, const Profile& profile);

  size_t size() const { return fingerprints_.size(); }
  const std::string& bytes() const { return bytes_; }
  Digest digest() const;  // SHA-256 of the file

  // Turns eligible positions whose tuple is listed into kSpecial ones, which no test scores.
  void Drop(std::span<const uint32_t> ids, std::vector<PositionState>& states) const;

 private:
  using Fingerprint = std::array<uint8_t, kBlockBytes>;
  StopList(WindowMac mac, size_t h) : mac_(std::move(mac)), h_(h) {}
  static Result<StopList> Empty(const Profile& profile);
  void Of(const uint32_t* const* windows, const uint32_t* ids, size_t count, Fingerprint* out) const;

  WindowMac mac_;
  size_t h_;
  std::vector<Fingerprint> fingerprints_;  // ascending
  std::string bytes_;
};

}  // namespace verdigris::verify
