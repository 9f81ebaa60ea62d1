// Numbers as people are shown them, on a terminal and on a page.
#pragma once

#include <cstdint>
#include <string>

namespace verdigris::verify {

std::string PrintReal(double value);      // shortest that reads back
std::string Places(double value);         // three of them
std::string Percent(double share);        // "12.5 %"
std::string TenTo(double log10_p);        // "10^-5.1234", rounded towards less evidence; "1"
std::string Grouped(uint64_t value);      // "24,812,377"

}  // namespace verdigris::verify
