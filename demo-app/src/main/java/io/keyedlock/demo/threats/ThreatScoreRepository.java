// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.util.Collection;
import java.util.List;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Query;

/** The threat scores by address. */
interface ThreatScoreRepository extends JpaRepository<ThreatScore, String> {

    List<ThreatScore> findTop100ByOrderByScoreDescAddressAsc();

    long countByBlockedAtIsNotNull();

    @Query("select coalesce(sum(t.score), 0) from ThreatScore t where t.address in :addresses")
    long totalScore(Collection<String> addresses);
}
