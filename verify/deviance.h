// The two pieces of Loader's saddle form, shared by the binomial, Poisson and hypergeometric laws and by the exponents
// of weighted sums.
#pragma once

namespace verdigris::verify {

// ln n! - ln(sqrt(2 pi n) (n/e)^n), n a whole number >= 1.
double StirlingError(double n);

// x ln(x/mean) + mean - x >= 0, without cancellation where they are close. mean > 0; at x = 0 it is `mean`.
double Deviance(double x, double mean);

}  // namespace verdigris::verify
