// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.soak;

import java.util.Arrays;

/**
 * The trend of a series: the median of the slopes between all pairs of samples, and Kendall's statistic, which measures how
 * unlikely the number of rising pairs is if the order of the samples is random.
 *
 * @param slope median rise per step from one sample to the next
 * @param z how many standard deviations the number of rising pairs is above that of chance
 */
record Trend(double slope, double z) {

    static Trend of(double[] samples) {
        int n = samples.length;
        if (n < 3) {
            return new Trend(0, 0);
        }
        double[] slopes = new double[n * (n - 1) / 2];
        int rising = 0;
        int pair = 0;
        for (int i = 0; i < n; i++) {
            for (int j = i + 1; j < n; j++) {
                slopes[pair++] = (samples[j] - samples[i]) / (j - i);
                rising += (int) Math.signum(samples[j] - samples[i]);
            }
        }
        Arrays.sort(slopes);
        double deviation = Math.sqrt(n * (n - 1.0) * (2.0 * n + 5) / 18);
        return new Trend(slopes[slopes.length / 2], (rising - Math.signum(rising)) / deviation);
    }
}
