// Pictures of a report, as SVG elements for a page (html.h has their style). Each has a title and a description for those who
// do not see it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "verify/finding.h"
#include "verify/report/text_view.h"
#include "verify/report/uniformity.h"

namespace verdigris::verify {

// How log10 of the test martingale grows over `tokens` tokens, the level, and below it the marked segments.
std::string TrajectoryPicture(const Trajectory& trajectory, size_t tokens, std::span<const MarkedSegment> segments, double alpha);

// Counts of equal bins, and the band of each under the uniform law.
std::string HistogramPicture(std::span<const uint64_t> bins, uint64_t m, CountBand band);

// Counts at or below levels 10^-y, against what the uniform law expects there.
struct Quantile {
  double minus_log10;  // y
  uint64_t count;
  CountBand band;
};
// `beyond`: how many lie below the last level.
std::string QuantilePicture(std::span<const Quantile> levels, uint64_t m, uint64_t beyond);

// Documents by scored tuples: bin j has [2^j, 2^(j+1)).
std::string LengthPicture(std::span<const uint64_t> lengths);

// A share of 1 as a bar.
std::string PowerPicture(double power);

}  // namespace verdigris::verify
