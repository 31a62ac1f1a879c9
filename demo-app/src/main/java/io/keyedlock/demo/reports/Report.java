// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

/**
 * A tenant's report on the known addresses.
 *
 * @param tenant the tenant
 * @param addresses the number of addresses with a score
 * @param blocked the number of blocked addresses
 * @param inWork the number of concurrent reports of the tenant when this one started, itself included
 */
public record Report(String tenant, long addresses, long blocked, int inWork) {}
