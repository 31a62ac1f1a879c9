// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

/**
 * A tenant's report on the addresses that are watched.
 *
 * @param tenant the tenant
 * @param addresses how many addresses have a score
 * @param blocked how many of them are blocked
 * @param inWork how many reports of the tenant were in work when this one was begun, itself included
 */
public record Report(String tenant, long addresses, long blocked, int inWork) {}
